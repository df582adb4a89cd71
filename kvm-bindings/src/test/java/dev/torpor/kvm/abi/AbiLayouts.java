package dev.torpor.kvm.abi;

import dev.torpor.linux.abi.FileStructs;
import dev.torpor.linux.abi.IoctlRequest;
import dev.torpor.linux.abi.LibcStructs;
import dev.torpor.linux.abi.UserfaultfdStructs;
import java.lang.foreign.StructLayout;
import java.util.List;
import java.util.stream.Stream;

/** Every layout and request that Java declares. */
final class AbiLayouts {
  /** The classes that declare them. */
  static final List<Class<?>> HOLDERS =
      List.of(
          EventStructs.class,
          FeatureStructs.class,
          InterruptStructs.class,
          MemoryStructs.class,
          RegisterStructs.class,
          RunStructs.class,
          KvmRequests.class,
          FileStructs.class,
          LibcStructs.class,
          UserfaultfdStructs.class);

  private AbiLayouts() {}

  /** Every structure. */
  static List<StructLayout> structs() {
    return Stream.of(
            EventStructs.ALL,
            FeatureStructs.ALL,
            InterruptStructs.ALL,
            MemoryStructs.ALL,
            RegisterStructs.ALL,
            RunStructs.ALL,
            FileStructs.ALL,
            LibcStructs.ALL,
            UserfaultfdStructs.ALL)
        .flatMap(List::stream)
        .toList();
  }

  /** Every request. */
  static List<IoctlRequest> requests() {
    return Stream.of(KvmRequests.ALL, FileStructs.REQUESTS, UserfaultfdStructs.REQUESTS)
        .flatMap(List::stream)
        .toList();
  }

  /** A structure's name in C. */
  static String name(StructLayout layout) {
    return layout.name().orElseThrow();
  }
}
