package dev.torpor.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SegmentStateTest {

  @Test
  void descriptorsAreThoseThatEveryKernelUses() {
    assertThat(SegmentState.code64(0x10).descriptor()).isEqualTo(0x00af_9b00_0000_ffffL);
    assertThat(SegmentState.code32(0x10).descriptor()).isEqualTo(0x00cf_9b00_0000_ffffL);
    assertThat(SegmentState.data(0x18).descriptor()).isEqualTo(0x00cf_9300_0000_ffffL);
    assertThat(SegmentState.code64(0x33).descriptor()).isEqualTo(0x00af_fb00_0000_ffffL);
    assertThat(SegmentState.taskState(0x20).descriptor()).isEqualTo(0x0000_8b00_0000_0067L);
  }

  @Test
  void baseIsSpreadOverTheDescriptor() {
    SegmentState segment =
        new SegmentState(0x1234_5678, 0x9_abcd, 8, 3, true, 0, false, true, false, false, false);
    assertThat(segment.descriptor()).isEqualTo(0x1209_9334_5678_abcdL);
  }
}
