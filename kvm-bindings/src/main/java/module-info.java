/**
 * Typed bindings to Linux and KVM over the Foreign Function and Memory API. No policy, no
 * dependency. Needs {@code --enable-native-access=dev.torpor.kvm}.
 */
module dev.torpor.kvm {
  exports dev.torpor.kvm;
  exports dev.torpor.linux;
}
