package dev.torpor.vmm.boot;

import dev.torpor.vmm.memory.GuestMemory;
import java.util.Arrays;
import java.util.List;

/**
 * A flat guest: an image that {@link FlatBoot} loads, and what its vCPUs are given. Immutable.
 *
 * <p>Unless told otherwise the vCPUs share the guest's memory equally as workspaces.
 */
public final class FlatGuest implements Guest {
  private static final int MAX_ARGUMENTS = 4;

  private final byte[] image;
  private final long[] arguments;
  private final List<FlatArguments> vcpus;

  private FlatGuest(byte[] image, long[] arguments, List<FlatArguments> vcpus) {
    this.image = image;
    this.arguments = arguments;
    this.vcpus = vcpus;
  }

  /**
   * One of the built-in programs.
   *
   * @param name one of {@link FlatGuests#NAMES}
   * @param arguments up to four: what RDX, RCX, R8 and R9 hold; what is left out is 0, the default
   * @return the guest
   * @throws BootException if there is no such program; the message lists those there are
   */
  public static FlatGuest named(String name, long... arguments) {
    return of(FlatGuests.named(name), arguments);
  }

  /**
   * An image of the caller's.
   *
   * @param image its bytes
   * @param arguments up to four: what RDX, RCX, R8 and R9 hold; what is left out is 0
   * @return the guest
   * @throws IllegalArgumentException for more than four arguments
   */
  public static FlatGuest of(byte[] image, long... arguments) {
    if (arguments.length > MAX_ARGUMENTS) {
      throw new IllegalArgumentException(
          arguments.length + " arguments: a flat guest takes at most " + MAX_ARGUMENTS);
    }
    return new FlatGuest(image.clone(), Arrays.copyOf(arguments, MAX_ARGUMENTS), List.of());
  }

  /**
   * The same image with workspaces and arguments of the caller's choice.
   *
   * @param each what each vCPU is given, as many as the VM has
   * @return the guest
   */
  public FlatGuest withVcpus(List<FlatArguments> each) {
    return new FlatGuest(image, arguments, List.copyOf(each));
  }

  /**
   * Loads the image.
   *
   * @param memory the guest's memory, all zeroes
   * @param vcpuCount how many vCPUs the VM has
   * @return how the vCPUs begin
   * @throws BootException if the image is too long, or a workspace is not RAM for it
   */
  public BootState load(GuestMemory memory, int vcpuCount) {
    if (!vcpus.isEmpty() && vcpus.size() != vcpuCount) {
      throw new BootException(
          "arguments for %d vCPUs, but the VM has %d".formatted(vcpus.size(), vcpuCount));
    }
    List<FlatArguments> each =
        vcpus.isEmpty()
            ? FlatBoot.shareMemory(
                memory, vcpuCount, arguments[0], arguments[1], arguments[2], arguments[3])
            : vcpus;
    return FlatBoot.load(memory, image, each);
  }
}
