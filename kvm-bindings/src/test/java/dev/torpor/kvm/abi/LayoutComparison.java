package dev.torpor.kvm.abi;

import dev.torpor.kvm.abi.HeaderFacts.Place;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.UnionLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Compares one Java layout with what C says of the struct, in both directions.
 *
 * <p>A member whose type is itself one of the compared structs is compared as a whole here, and
 * field by field there. A member that Java keeps as plain bytes, or as one word, stands for
 * whatever C nests in it.
 */
final class LayoutComparison {
  /** In C, and in Java on purpose not: what follows the head of a struct, or needs guest_memfd. */
  private static final Set<String> NOT_IN_JAVA =
      Set.of(
          "kvm_nested_state.data.vmx",
          "kvm_nested_state.data.svm",
          "kvm_run.memory_fault.flags",
          "kvm_run.memory_fault.gpa",
          "kvm_run.memory_fault.size");

  /** In Java, and unknown to the probe: libc keeps the name for itself, its size is public. */
  private static final Set<String> NOT_PROBED = Set.of("sigset_t.__val");

  private static final Set<MemoryLayout> COMPARED_STRUCTS =
      AbiLayouts.structs().stream().map(StructLayout::withoutName).collect(Collectors.toSet());

  private final HeaderFacts facts;
  private final Map<String, Member> members = new LinkedHashMap<>();
  private final List<String> differences = new ArrayList<>();

  private record Member(MemoryLayout layout, Place place) {
    boolean isOpaque() {
      return !(layout instanceof GroupLayout);
    }

    boolean encloses(Place other) {
      return place.offset() <= other.offset()
          && other.offset() + other.byteSize() <= place.offset() + place.byteSize();
    }
  }

  private LayoutComparison(HeaderFacts facts) {
    this.facts = facts;
  }

  /** Everything in which {@code layout} differs from the header; empty if they agree. */
  static List<String> differences(StructLayout layout, HeaderFacts facts) {
    LayoutComparison comparison = new LayoutComparison(facts);
    comparison.compare(AbiLayouts.name(layout), layout);
    return comparison.differences;
  }

  private void compare(String struct, StructLayout layout) {
    if (facts.structs().get(struct) != layout.byteSize()) {
      differences.add(
          "%s has %d bytes in C, %d in Java"
              .formatted(struct, facts.structs().get(struct), layout.byteSize()));
    }
    collect(struct, layout, 0);
    members.forEach(this::compareWithC);
    facts
        .fields()
        .forEach(
            (path, place) -> {
              if (path.startsWith(struct + ".")) {
                requireInJava(path, place);
              }
            });
  }

  /** Lists a group's members by their C path, looking through unnamed structs and unions. */
  private void collect(String prefix, GroupLayout group, long groupOffset) {
    long offset = groupOffset;
    for (MemoryLayout member : group.memberLayouts()) {
      if (member.name().isPresent()) {
        String path = prefix + "." + member.name().orElseThrow();
        members.put(path, new Member(member, new Place(offset, member.byteSize())));
        if (member instanceof GroupLayout nested && !isComparedItself(nested)) {
          collect(path, nested, offset);
        }
      } else if (member instanceof GroupLayout nested) {
        collect(prefix, nested, offset);
      } else if (!(member instanceof PaddingLayout)) {
        differences.add(prefix + " has a member without a name at offset " + offset);
      }
      offset += group instanceof UnionLayout ? 0 : member.byteSize();
    }
  }

  private static boolean isComparedItself(GroupLayout nested) {
    return COMPARED_STRUCTS.contains(nested.withoutName());
  }

  private void compareWithC(String path, Member member) {
    Place inC = facts.fields().get(path);
    if (inC == null) {
      boolean comparedByItsMembers =
          member.layout instanceof GroupLayout nested && !isComparedItself(nested);
      if (!comparedByItsMembers && !NOT_PROBED.contains(path)) {
        differences.add(path + " is declared in Java, and not in C");
      }
    } else if (!inC.equals(member.place)) {
      differences.add("%s: C has %s, Java %s".formatted(path, inC, member.place));
    }
  }

  private void requireInJava(String path, Place inC) {
    if (members.containsKey(path) || NOT_IN_JAVA.contains(path)) {
      return;
    }
    int dot = path.lastIndexOf('.');
    while (dot > 0) {
      Member outer = members.get(path.substring(0, dot));
      if (outer != null && outer.isOpaque() && outer.encloses(inC)) {
        return;
      }
      dot = path.lastIndexOf('.', dot - 1);
    }
    differences.add(path + " is in C, and not declared in Java");
  }
}
