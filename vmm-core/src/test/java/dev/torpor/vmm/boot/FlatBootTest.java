package dev.torpor.vmm.boot;

import static dev.torpor.kvm.Register.R8;
import static dev.torpor.kvm.Register.R9;
import static dev.torpor.kvm.Register.RCX;
import static dev.torpor.kvm.Register.RDI;
import static dev.torpor.kvm.Register.RDX;
import static dev.torpor.kvm.Register.RFLAGS;
import static dev.torpor.kvm.Register.RIP;
import static dev.torpor.kvm.Register.RSI;
import static dev.torpor.kvm.Register.RSP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.Segment;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.MemoryLayout;
import java.io.ByteArrayInputStream;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class FlatBootTest {
  private static final byte[] IMAGE = {(byte) 0xe8, 0, 0, 0, 0};

  private static GuestMemory memory(long byteSize) {
    return GuestMemory.allocate(byteSize, MemoryBacking.ANONYMOUS, false);
  }

  @Test
  void vcpusBeginAsTheContractSays() {
    try (GuestMemory memory = memory(16 << 20)) {
      FlatArguments second = new FlatArguments(0x40_0000, 0x1000, 1, 2, 3, 4);
      BootState state =
          FlatBoot.load(memory, IMAGE, List.of(new FlatArguments(0, 0, 0, 0, 0, 0), second));
      VcpuEntry entry = state.entry(1).orElseThrow();
      assertThat(entry.register(RIP)).isEqualTo(0x10_0000);
      assertThat(entry.register(RSP)).isEqualTo(0x1f_e000);
      assertThat(entry.register(RFLAGS)).isEqualTo(2);
      assertThat(entry.register(RDI)).isEqualTo(0x40_0000);
      assertThat(entry.register(RSI)).isEqualTo(0x1000);
      assertThat(entry.register(RDX)).isEqualTo(1);
      assertThat(entry.register(RCX)).isEqualTo(2);
      assertThat(entry.register(R8)).isEqualTo(3);
      assertThat(entry.register(R9)).isEqualTo(4);
      assertThat(entry.cr0()).isEqualTo(0x8005_0033L);
      assertThat(entry.cr3()).isEqualTo(0x1000);
      assertThat(entry.cr4()).isEqualTo(0x6a0);
      assertThat(entry.efer()).isEqualTo(0xd01);
      assertThat(entry.code())
          .isEqualTo(new Segment(0, -1, 0x33, 11, true, 3, false, true, true, true, false, false));
      assertThat(entry.data())
          .isEqualTo(new Segment(0, -1, 0x2b, 3, true, 3, true, true, false, true, false, false));
      assertThat(state.entry(0).orElseThrow().register(RSP)).isEqualTo(0x20_0000);
      assertThat(state.entry(2)).isEmpty();
      assertThat(memory.readByte(0x10_0000)).isEqualTo((byte) 0xe8);
    }
  }

  @Test
  void pageTablesMapFourGibToThemselvesForTheUser() {
    try (GuestMemory memory = memory(4 << 20)) {
      FlatBoot.load(memory, IMAGE, FlatBoot.shareMemory(memory, 1, 0, 0, 0, 0));
      assertThat(memory.readLong(0x1000)).isEqualTo(0x2027);
      assertThat(memory.readLong(0x1008)).isZero();
      assertThat(memory.readLong(0x2018)).isEqualTo(0x6027);
      assertThat(memory.readLong(0x2020)).isZero();
      for (long i = 0; i < 4 * 512; i++) {
        assertThat(memory.readLong(0x3000 + i * 8)).isEqualTo(i << 21 | 0xe7);
      }
    }
  }

  @Test
  void largestMemoryIsMappedWholeAndItsTablesEndWhereTheImageBegins() {
    try (GuestMemory memory = memory(MemoryLayout.MAX_BYTES)) {
      FlatBoot.load(memory, IMAGE, FlatBoot.shareMemory(memory, 1, 0, 0, 0, 0));
      long lastPage = memory.regions().getLast().end() - (2 << 20);
      assertThat(memory.readLong(0x3000 + (lastPage >>> 21) * 8)).isEqualTo(lastPage | 0xe7);
      assertThat(0x3000 + (lastPage >>> 21) * 8 + 8).isLessThanOrEqualTo(0x10_0000);
      assertThat(memory.readByte(0x10_0000)).isEqualTo((byte) 0xe8);
    }
  }

  @Property(tries = 64)
  void workspacesAreEqualDisjointAndLoadable(
      @ForAll @IntRange(min = 1, max = 64) int vcpuCount,
      @ForAll @IntRange(min = 1024, max = 4096) int pageCount) {
    try (GuestMemory memory = memory(pageCount * 4096L)) {
      List<FlatArguments> shares = FlatBoot.shareMemory(memory, vcpuCount, 0, 0, 0, 0);
      FlatBoot.load(memory, IMAGE, shares);
      long next = 0x40_0000;
      for (FlatArguments share : shares) {
        assertThat(share.workspaceGpa()).isEqualTo(next);
        assertThat(share.workspaceBytes() % 4096).isZero();
        next += share.workspaceBytes();
      }
      assertThat(memory.byteSize() - next).isBetween(0L, vcpuCount * 4096L - 1);
    }
  }

  @Test
  void workspacesAndImagesThatDoNotFitAreRefused() {
    try (GuestMemory memory = memory(16 << 20)) {
      FlatArguments none = new FlatArguments(0, 0, 0, 0, 0, 0);
      assertThatThrownBy(() -> FlatBoot.load(memory, new byte[0x8_0001], List.of(none)))
          .isInstanceOf(BootException.class)
          .hasMessage("a flat image has 1 to 524288 bytes, and this one 524289");
      for (long[] workspace :
          new long[][] {
            {0x1f_f000, 0x1000},
            {0x40_0800, 0x1000},
            {0xff_f000, 0x1001},
            {-4096, 4096},
            {0x40_0000, -1}
          }) {
        FlatArguments bad = new FlatArguments(workspace[0], workspace[1], 0, 0, 0, 0);
        assertThatThrownBy(() -> FlatBoot.load(memory, IMAGE, List.of(none, bad)))
            .isInstanceOf(BootException.class)
            .hasMessageContaining("workspace 0x%x".formatted(workspace[0]));
      }
      assertThatThrownBy(() -> FlatBoot.load(memory, IMAGE, List.of()))
          .isInstanceOf(BootException.class);
      assertThatThrownBy(() -> FlatBoot.shareMemory(memory, 65, 0, 0, 0, 0))
          .hasMessageContaining("1 to 64");
    }
  }

  @Test
  void unknownFlatGuestIsAnsweredWithTheKnownOnes() {
    assertThatThrownBy(() -> FlatGuests.named("../secret"))
        .isInstanceOf(BootException.class)
        .hasMessage(
            "there is no flat guest \"../secret\": the built-in ones are doorbell-echo,"
                + " memory-check, page-writer, scatter-writer, spin");
  }

  @Test
  void flatGuestIsReadFromTheResourceOfItsName() {
    byte[] image =
        FlatGuests.named(
            "spin",
            path -> path.equals("guests/spin.bin") ? new ByteArrayInputStream(IMAGE) : null);
    assertThat(image).isEqualTo(IMAGE);
    assertThatThrownBy(() -> FlatGuests.named("spin", _ -> null))
        .hasMessageContaining("build the module native");
  }
}
