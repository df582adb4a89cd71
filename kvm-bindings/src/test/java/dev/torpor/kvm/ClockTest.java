package dev.torpor.kvm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.torpor.kvm.abi.EventStructs;
import dev.torpor.linux.abi.Abi;
import dev.torpor.testing.KvmTest;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** Clocks go forward from where they were set. */
@KvmTest
class ClockTest {
  private static final long HOUR_NANOS = 3_600_000_000_000L;

  @AutoClose private final FlatVm flat = FlatVm.withIrqChip(FlatVm.WRITER);

  private ClockData clock() {
    ClockData clock = new ClockData();
    flat.vm.getClock(clock);
    return clock;
  }

  @Test
  void theClockNeverGoesBack() {
    long last = 0;
    for (int i = 0; i < 1000; i++) {
      long now = clock().nanos();
      assertThat(now).isGreaterThanOrEqualTo(last);
      last = now;
    }
    assertThat(last).isPositive();
  }

  @Test
  void aClockThatIsSetGoesOnFromThere() {
    ClockData wanted = new ClockData();
    wanted.setNanos(HOUR_NANOS);
    flat.vm.setClock(wanted);
    assertThat(clock().nanos()).isBetween(HOUR_NANOS, HOUR_NANOS + 60_000_000_000L);
  }

  @Test
  void wallClockTimeIsGivenWhereTheFlagsSayAndAdvancesAClockThatIsSetFromIt() {
    ClockData read = clock();
    if ((read.flags() & ClockData.REALTIME) == 0) {
      assertThat(read.realtimeNanos()).isZero();
      return;
    }
    long now = System.currentTimeMillis() * 1_000_000;
    assertThat(read.realtimeNanos()).isBetween(now - 60_000_000_000L, now + 1_000_000_000L);
    ClockData anHourAgo = new ClockData();
    anHourAgo.segment().copyFrom(read.segment());
    anHourAgo
        .segment()
        .set(
            JAVA_LONG,
            Abi.offset(EventStructs.KVM_CLOCK_DATA, "realtime"),
            read.realtimeNanos() - HOUR_NANOS);
    anHourAgo.setNanos(0);
    anHourAgo.setFlags(ClockData.REALTIME);
    flat.vm.setClock(anHourAgo);
    assertThat(clock().nanos()).isBetween(HOUR_NANOS, HOUR_NANOS + 60_000_000_000L);
  }

  @Test
  void unknownFlagsOfTheClockAreRefused() {
    ClockData wanted = new ClockData();
    wanted.setFlags(1 << 30);
    assertThatThrownBy(() -> flat.vm.setClock(wanted))
        .isInstanceOf(KvmException.class)
        .hasMessageStartingWith("KVM_SET_CLOCK failed: EINVAL");
  }

  @Test
  void theTimeStampCountersFrequencyIsThatOfTheMachineAndCanBeKept() {
    int kilohertz = flat.vcpu.tscKhz();
    assertThat(kilohertz).isBetween(100_000, 10_000_000);
    flat.vcpu.setTscKhz(kilohertz);
    assertThat(flat.vcpu.tscKhz()).isEqualTo(kilohertz);
    // Without the capability a kernel may know the request all the same.
    Throwable refused = catchThrowable(() -> flat.vm.setTscKhz(kilohertz));
    if (refused == null) {
      assertThat(flat.vm.tscKhz()).isEqualTo(kilohertz);
    } else {
      assertThat(flat.vm.check(Cap.VM_TSC_CONTROL)).isZero();
      assertThat(refused).isInstanceOf(KvmException.class).hasMessageContaining("KVM_SET_TSC_KHZ");
    }
  }

  @Test
  void theOffsetOfTheTimeStampCounterRoundTripsWhereTheCounterIsVirtualised() {
    assertThat(flat.vm.check(Cap.VCPU_ATTRIBUTES)).isPositive();
    long initial = tscOffset();
    flat.vcpu.setAttribute(VcpuFd.ATTRIBUTES_TSC, VcpuFd.ATTRIBUTE_TSC_OFFSET, initial - 1_000_000);
    // A new vCPU counts from zero, so its offset is that of the host's counter, negated; zero on a
    // KVM whose guests read the host's counter itself, which takes another offset and ignores it.
    assertThat(tscOffset()).isEqualTo(initial == 0 ? 0 : initial - 1_000_000);
  }

  private long tscOffset() {
    return flat.vcpu.getAttribute(VcpuFd.ATTRIBUTES_TSC, VcpuFd.ATTRIBUTE_TSC_OFFSET);
  }

  @Test
  void attributesThatDoNotExistAreRefusedByNumber() {
    assertThatThrownBy(() -> flat.vcpu.getAttribute(99, 7))
        .isInstanceOf(KvmException.class)
        .hasMessage("KVM_GET_DEVICE_ATTR failed: ENXIO (group=99, attribute=7)");
    assertThatThrownBy(() -> flat.vcpu.setAttribute(99, 7, 5))
        .isInstanceOf(KvmException.class)
        .hasMessage("KVM_SET_DEVICE_ATTR failed: ENXIO (group=99, attribute=7, value=5)");
    assertThat(flat.vm.hasAttribute(99, 7)).isFalse();
  }
}
