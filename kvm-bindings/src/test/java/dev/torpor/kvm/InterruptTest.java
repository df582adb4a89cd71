package dev.torpor.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.abi.InterruptStructs;
import dev.torpor.linux.EventFd;
import dev.torpor.linux.abi.Abi;
import dev.torpor.testing.KvmTest;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Lines, messages and eventfds reach the interrupt controllers; their state round-trips. */
@KvmTest
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class InterruptTest {
  private static final long MESSAGE_ADDRESS = 0xfee0_0000L;
  private static final int VECTOR = 0x41;
  private static final int GSI = 5;
  private static final int SPURIOUS_VECTOR = 0xf0;
  private static final int ENABLED = 0x100;

  /** The interrupt request register's word that has the bit of {@link #VECTOR}. */
  private static final int REQUESTS = 0x200 + 0x10 * (VECTOR / 32);

  @AutoClose private final FlatVm flat = FlatVm.withIrqChip(FlatVm.WRITER);
  @AutoClose private final EventFd event = EventFd.create();

  private boolean isRequestedOfPic() {
    IrqChip pic = new IrqChip(IrqChip.Id.PIC_MASTER);
    flat.vm.getIrqChip(pic);
    long requests = Abi.offset(InterruptStructs.KVM_IRQCHIP, "chip", "pic", "irr");
    return (pic.segment().get(JAVA_BYTE, requests) & 1 << GSI) != 0;
  }

  private boolean isRequestedOfLapic() {
    Lapic lapic = new Lapic();
    flat.vcpu.getLapic(lapic);
    return (lapic.get(REQUESTS) & 1 << VECTOR % 32) != 0;
  }

  private void enableLapic() {
    Lapic lapic = new Lapic();
    flat.vcpu.getLapic(lapic);
    lapic.set(SPURIOUS_VECTOR, ENABLED | 0xff);
    flat.vcpu.setLapic(lapic);
  }

  /** An eventfd's interrupt may be delivered by a kernel thread. */
  private static void await(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      Thread.sleep(1);
    }
  }

  @Test
  void aLineThatIsRaisedIsRequestedOfThePic() {
    assertThat(isRequestedOfPic()).isFalse();
    flat.vm.setIrqLine(GSI, true);
    assertThat(isRequestedOfPic()).isTrue();
  }

  @Test
  void aMessageIsRequestedOfTheLocalApicUnlessThatIsDisabled() {
    assertThat(flat.vm.signalMsi(MESSAGE_ADDRESS, VECTOR)).as("disabled").isZero();
    enableLapic();
    assertThat(isRequestedOfLapic()).isFalse();
    assertThat(flat.vm.signalMsi(MESSAGE_ADDRESS, VECTOR)).isEqualTo(1);
    assertThat(isRequestedOfLapic()).isTrue();
  }

  @Test
  void anEventfdRaisesItsInterruptUntilItIsDeassigned() throws InterruptedException {
    flat.vm.assignIrqFd(event, GSI);
    assertThatThrownBy(() -> flat.vm.assignIrqFd(event, GSI + 1))
        .isInstanceOf(KvmException.class)
        .hasMessageStartingWith("KVM_IRQFD failed: EBUSY (" + event.descriptor());
    event.signal();
    await(this::isRequestedOfPic);
    flat.vm.deassignIrqFd(event, GSI);
    flat.vm.assignIrqFd(event, GSI + 1);
  }

  @Test
  void aDeassignedEventfdRaisesNothing() throws InterruptedException {
    flat.vm.assignIrqFd(event, GSI);
    flat.vm.deassignIrqFd(event, GSI);
    event.signal();
    Thread.sleep(10);
    assertThat(isRequestedOfPic()).isFalse();
  }

  @Test
  void aRoutedInterruptArrivesAsItsMessage() throws InterruptedException {
    int routed = 30;
    enableLapic();
    flat.vm.setIrqRouting(
        List.of(
            new IrqRoute.Pin(GSI, IrqChip.Id.PIC_MASTER, GSI),
            new IrqRoute.Message(routed, MESSAGE_ADDRESS, VECTOR)));
    flat.vm.assignIrqFd(event, routed);
    event.signal();
    await(this::isRequestedOfLapic);
    assertThat(isRequestedOfPic()).isFalse();
    flat.vm.setIrqLine(GSI, true);
    assertThat(isRequestedOfPic()).as("the other route").isTrue();
  }

  @Test
  void aRouteToAPinThatDoesNotExistIsRefused() {
    assertThatThrownBy(
            () -> flat.vm.setIrqRouting(List.of(new IrqRoute.Pin(GSI, IrqChip.Id.PIC_MASTER, 999))))
        .isInstanceOf(KvmException.class)
        .hasMessage("KVM_SET_GSI_ROUTING failed: EINVAL (1 routes)");
  }

  @Test
  void chipsRoundTrip() {
    for (IrqChip.Id id : IrqChip.Id.values()) {
      IrqChip chip = new IrqChip(id);
      flat.vm.getIrqChip(chip);
      if (id == IrqChip.Id.IO_APIC) {
        long entry = Abi.offset(InterruptStructs.KVM_IRQCHIP, "chip", "ioapic", "redirtbl");
        chip.segment().set(JAVA_LONG, entry + 8L * GSI, 0x1_0000 | VECTOR);
      } else {
        long mask = Abi.offset(InterruptStructs.KVM_IRQCHIP, "chip", "pic", "imr");
        chip.segment().set(JAVA_BYTE, mask, (byte) 0x5a);
      }
      flat.vm.setIrqChip(chip);
      IrqChip found = new IrqChip(id);
      flat.vm.getIrqChip(found);
      assertThat(found.segment().mismatch(chip.segment())).as(id.name()).isEqualTo(-1);
    }
  }

  @Test
  void theTimerRoundTrips() {
    PitState wanted = new PitState();
    flat.vm.getPit(wanted);
    long count =
        2 * InterruptStructs.KVM_PIT_CHANNEL_STATE.byteSize()
            + Abi.offset(InterruptStructs.KVM_PIT_CHANNEL_STATE, "count");
    wanted.segment().set(JAVA_INT, count, 0x1234);
    flat.vm.setPit(wanted);
    PitState found = new PitState();
    flat.vm.getPit(found);
    assertThat(found.segment().get(JAVA_INT, count)).isEqualTo(0x1234);
  }

  @Test
  void controllersAndTimerAreCreatedOnceAndInOrder() {
    assertThatThrownBy(flat.vm::createIrqChip)
        .isInstanceOf(KvmException.class)
        .hasMessageContaining("EEXIST");
    assertThatThrownBy(flat.vm::createPit)
        .isInstanceOf(KvmException.class)
        .hasMessageContaining("EEXIST");
    try (FlatVm bare = new FlatVm(FlatVm.WRITER)) {
      assertThatThrownBy(bare.vm::createIrqChip)
          .isInstanceOf(KvmException.class)
          .hasMessageContaining("EINVAL");
      assertThatThrownBy(bare.vm::createPit)
          .isInstanceOf(KvmException.class)
          .hasMessageContaining("ENOENT");
      assertThatThrownBy(() -> bare.vm.getIrqChip(new IrqChip(IrqChip.Id.IO_APIC)))
          .isInstanceOf(KvmException.class)
          .hasMessageContaining("ENXIO");
      assertThatThrownBy(() -> bare.vm.getPit(new PitState()))
          .isInstanceOf(KvmException.class)
          .hasMessageContaining("ENXIO");
      assertThatThrownBy(() -> bare.vcpu.getLapic(new Lapic()))
          .isInstanceOf(KvmException.class)
          .hasMessageContaining("EINVAL");
    }
  }
}
