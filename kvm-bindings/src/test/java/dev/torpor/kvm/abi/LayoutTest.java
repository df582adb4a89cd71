package dev.torpor.kvm.abi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.torpor.linux.abi.IoctlRequest;
import java.lang.foreign.StructLayout;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The layouts and request numbers agree with the kernel's headers. */
class LayoutTest {
  @TestFactory
  Stream<DynamicContainer> everyStructHasTheSizeAndTheFieldsThatItHasInC() {
    return HeaderFacts.all().stream()
        .map(facts -> dynamicContainer(facts.origin(), structTests(facts)));
  }

  private static Stream<DynamicTest> structTests(HeaderFacts facts) {
    return AbiLayouts.structs().stream()
        .filter(layout -> facts.structs().containsKey(AbiLayouts.name(layout)))
        .map(
            layout ->
                dynamicTest(
                    AbiLayouts.name(layout),
                    () ->
                        assertThat(LayoutComparison.differences(layout, facts))
                            .as(AbiLayouts.name(layout))
                            .isEmpty()));
  }

  @TestFactory
  Stream<DynamicContainer> everyRequestHasTheNumberThatItHasInC() {
    return HeaderFacts.all().stream()
        .map(facts -> dynamicContainer(facts.origin(), requestTests(facts)));
  }

  private static Stream<DynamicTest> requestTests(HeaderFacts facts) {
    return AbiLayouts.requests().stream()
        .filter(request -> facts.requests().containsKey(request.name()))
        .map(
            request ->
                dynamicTest(
                    request.name(),
                    () ->
                        assertThat(Long.toHexString(request.code()))
                            .as(request.name())
                            .isEqualTo(Long.toHexString(facts.requests().get(request.name())))));
  }

  @Test
  void someHeaderKnowsEveryStructAndRequest() {
    for (StructLayout layout : AbiLayouts.structs()) {
      assertThat(HeaderFacts.all())
          .as(AbiLayouts.name(layout))
          .anyMatch(facts -> facts.structs().containsKey(AbiLayouts.name(layout)));
    }
    for (IoctlRequest request : AbiLayouts.requests()) {
      assertThat(HeaderFacts.all())
          .as(request.name())
          .anyMatch(facts -> facts.requests().containsKey(request.name()));
    }
  }

  @Test
  void everyDeclaredStructAndRequestIsListedForComparison() throws IllegalAccessException {
    List<Object> declared = new ArrayList<>();
    for (Class<?> holder : AbiLayouts.HOLDERS) {
      for (Field field : holder.getDeclaredFields()) {
        if (field.getType() == StructLayout.class || field.getType() == IoctlRequest.class) {
          declared.add(field.get(null));
        }
      }
    }
    List<Object> listed = new ArrayList<>(AbiLayouts.structs());
    listed.addAll(AbiLayouts.requests());
    assertThat(listed).containsExactlyInAnyOrderElementsOf(declared);
  }
}
