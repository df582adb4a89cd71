package dev.torpor.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.kvm.Segment;
import org.junit.jupiter.api.Test;

class SegmentsTest {

  @Test
  void descriptorsAreThoseThatEveryKernelUses() {
    assertThat(Segments.descriptor(Segments.code64(0x10))).isEqualTo(0x00af_9b00_0000_ffffL);
    assertThat(Segments.descriptor(Segments.code32(0x10))).isEqualTo(0x00cf_9b00_0000_ffffL);
    assertThat(Segments.descriptor(Segments.data(0x18))).isEqualTo(0x00cf_9300_0000_ffffL);
    assertThat(Segments.descriptor(Segments.code64(0x33))).isEqualTo(0x00af_fb00_0000_ffffL);
    assertThat(Segments.descriptor(Segments.taskState(0x20))).isEqualTo(0x0000_8b00_0000_0067L);
  }

  @Test
  void baseIsSpreadOverTheDescriptor() {
    Segment segment =
        new Segment(0x1234_5678, 0x9_abcd, 8, 3, true, 0, false, true, false, false, false, false);
    assertThat(Segments.descriptor(segment)).isEqualTo(0x1209_9334_5678_abcdL);
  }
}
