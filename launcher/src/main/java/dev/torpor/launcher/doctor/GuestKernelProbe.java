package dev.torpor.launcher.doctor;

import dev.torpor.kvm.Kvm;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Whether guest code at CPL 0 runs on the processor.
 *
 * <p>Some hosts offer a {@code /dev/kvm} without the processor's help: guest programs run natively,
 * guest kernels are interpreted, hundreds of times slower and not every instruction. KVM does not
 * tell. So we time one loop at both levels, and try instructions that kernels need.
 */
final class GuestKernelProbe {
  private static final int SLOW = 10; // times: a processor is as fast at CPL 0 as at CPL 3
  private static final long FIRST_ITERATIONS = 1_000;
  private static final long MOST_ITERATIONS = 1_000_000;
  private static final long LONG_ENOUGH_NANOS = 20_000_000;
  private static final int INSTRUCTIONS_PER_ITERATION = 2;
  private static final int ROUNDS = 3;
  private static final int TIMEOUT_SECONDS = 10;

  private static final String OUT = "e610"; // out 0x10, al
  private static final String LOOP = "48ffc9 75fb"; // dec rcx; jnz
  private static final Map<String, String> INSTRUCTIONS = instructions();

  private final ProbeVm vm;

  private GuestKernelProbe(ProbeVm vm) {
    this.vm = vm;
  }

  private record Speed(double kernelNanos, double userNanos) {
    boolean isNative() {
      return kernelNanos < SLOW * userNanos;
    }

    @Override
    public String toString() {
      return "%.1f ns an instruction (%.1f in guest programs)".formatted(kernelNanos, userNanos);
    }
  }

  private static Map<String, String> instructions() {
    Map<String, String> code = new LinkedHashMap<>();
    code.put("CPUID", "31c0 0fa2");
    code.put("RDMSR/WRMSR", "b9800000c0 0f32 0f30"); // of EFER
    code.put("LGDT", "0f011425 %1$s");
    code.put("LIDT", "0f011c25 %1$s");
    code.put("INVLPG", "0f013c25 %2$s");
    code.put("MOV CR3", "0f20d8 0f22d8");
    code.put("SWAPGS", "0f01f8");
    code.put("SSE", "0f57c0 0f290425 %2$s"); // xorps xmm0, xmm0; movaps [], xmm0
    code.put("POPCNT", "f30fb8c1");
    code.put("LOCK XADD", "f0480fc10425 %2$s");
    code.put("CMPXCHG16B", "f0480fc70c25 %2$s");
    // push ss, rsp, rflags, cs, rip; iretq
    code.put("IRET", "6a%3$02x 6800800000 9c 6a%4$02x 488d0503000000 50 48cf");
    code.replaceAll(
        (_, hex) ->
            hex.formatted(
                littleEndian(ProbeVm.TABLE_POINTER),
                littleEndian(ProbeVm.SCRATCH),
                ProbeVm.KERNEL_DATA,
                ProbeVm.KERNEL_CODE));
    return code;
  }

  private static String littleEndian(int address) {
    return "%08x".formatted(Integer.reverseBytes(address));
  }

  /** Answers the question. A guest that never ends is left to a daemon thread. */
  static Capability answer(Capability question, Kvm kvm) {
    CompletableFuture<Capability> answer = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("guest-kernel-probe")
        .start(
            () -> {
              try (ProbeVm vm = ProbeVm.create(kvm)) {
                answer.complete(new GuestKernelProbe(vm).run(question));
              } catch (RuntimeException e) {
                answer.completeExceptionally(e);
              }
            });
    try {
      return answer.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      return question.found(false, String.valueOf(e.getCause().getMessage()));
    } catch (TimeoutException e) {
      return question.found(false, "a guest of a few instructions did not end");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return question.found(false, "interrupted");
    }
  }

  private Capability run(Capability question) {
    List<String> missing = new ArrayList<>();
    INSTRUCTIONS.forEach(
        (name, hex) -> {
          if (vm.run(machineCode(hex), 0, 0).failure() != null) {
            missing.add(name);
          }
        });
    Speed speed = measure();
    String fails = missing.isEmpty() ? "" : "; fails: " + String.join(", ", missing);
    return question.found(
        speed.isNative() && missing.isEmpty(),
        (speed.isNative() ? "executed: " : "interpreted: ") + speed + fails);
  }

  /** Lengthens the loop until it tells enough, or costs too much. */
  private Speed measure() {
    long iterations = FIRST_ITERATIONS;
    while (iterations < MOST_ITERATIONS && time(0, iterations) < LONG_ENOUGH_NANOS) {
      iterations *= 10;
    }
    double instructions = iterations * (double) INSTRUCTIONS_PER_ITERATION;
    return new Speed(best(0, iterations) / instructions, best(3, iterations) / instructions);
  }

  private long best(int cpl, long iterations) {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      best = Math.min(best, time(cpl, iterations));
    }
    return best;
  }

  private long time(int cpl, long iterations) {
    ProbeVm.Outcome outcome = vm.run(machineCode(LOOP), cpl, iterations);
    if (outcome.failure() != null) {
      throw new IllegalStateException("a loop at CPL " + cpl + ": " + outcome.failure());
    }
    return outcome.nanos();
  }

  private static byte[] machineCode(String hex) {
    return HexFormat.of().parseHex((hex + OUT).replace(" ", ""));
  }
}
