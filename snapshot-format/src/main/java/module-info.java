/** Images, layers and manifests: the format of checkpoints. Knows no KVM and runs anywhere. */
module dev.torpor.snapshot {
  requires chronicle.bytes;
  // Chronicle Bytes is no module of its own and needs these two at run time.
  requires jdk.unsupported;
  requires org.slf4j;

  exports dev.torpor.snapshot;
}
