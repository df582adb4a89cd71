package dev.torpor.vmm.vm;

import dev.torpor.vmm.checkpoint.MemorySource;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.UUID;

/** Restores a checkpoint in a process of its own, and tells what it finds. */
final class CheckpointChildMain {
  private CheckpointChildMain() {}

  static String digest(Vm vm) throws Exception {
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(CheckpointRig.contents(vm));
    return HexFormat.of().formatHex(hash);
  }

  /** With the scratch folder, the checkpoint and the memory's source. */
  public static void main(String[] args) throws Exception {
    try (CheckpointRig rig = new CheckpointRig(Path.of(args[0]));
        Vm vm = rig.restore(UUID.fromString(args[1]), MemorySource.valueOf(args[2]))) {
      System.out.println(digest(vm));
      CheckpointRig.runFor(vm, 5);
      System.out.println(vm.state());
    }
  }
}
