/** Images, layers and manifests: the format of checkpoints. Knows no KVM and runs anywhere. */
module dev.torpor.snapshot {
  exports dev.torpor.snapshot;
}
