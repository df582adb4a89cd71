/** The virtual machine monitor as a library. */
module dev.torpor.vmm {
  requires transitive dev.torpor.kvm;
  requires transitive dev.torpor.snapshot;
  requires org.slf4j;

  exports dev.torpor.vmm;
  exports dev.torpor.vmm.boot;
  exports dev.torpor.vmm.checkpoint;
  exports dev.torpor.vmm.cpu;
  exports dev.torpor.vmm.device;
  exports dev.torpor.vmm.device.virtio;
  exports dev.torpor.vmm.memory;
  exports dev.torpor.vmm.vm;
}
