package dev.torpor.vmm.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.snapshot.FieldReader;
import dev.torpor.snapshot.FieldWriter;
import dev.torpor.snapshot.SnapshotFormatException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** What is written is read again; what was altered is refused, or is the state of some machine. */
class MachineStateCodecTest {
  private static final Path FILE = Path.of("checkpoint");

  private static MachineState decode(byte[] bytes) {
    return MachineStateCodec.decode(FieldReader.of(FILE, 4096, bytes));
  }

  @Property(tries = 300)
  void aStateRoundTrips(@ForAll long seed) {
    MachineState state = new MachineStates(seed).next();
    assertThat(decode(MachineStateCodec.encode(state).toByteArray())).isEqualTo(state);
  }

  @Property(tries = 500)
  void arbitraryBytesAreRefused(@ForAll @Size(max = 400) byte[] bytes) {
    assertThatThrownBy(() -> decode(bytes))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("checkpoint");
  }

  @Property(tries = 2_000)
  void flippedBitsAreRefusedOrGiveTheStateOfAMachineThatCanBe(
      @ForAll long seed, @ForAll long where) {
    byte[] bytes = MachineStateCodec.encode(new MachineStates(seed).next()).toByteArray();
    Random random = new Random(where);
    for (int i = random.nextInt(4); i >= 0; i--) {
      bytes[random.nextInt(Math.min(bytes.length, 1 + random.nextInt(bytes.length)))] ^=
          (byte) (1 << random.nextInt(8));
    }
    try {
      MachineState state = decode(bytes);
      assertThat(decode(MachineStateCodec.encode(state).toByteArray())).isEqualTo(state);
    } catch (SnapshotFormatException e) {
      assertThat(e).hasMessageContaining("checkpoint");
    }
  }

  @Property(tries = 300)
  void aTruncatedStateIsRefused(@ForAll long seed, @ForAll long where) {
    byte[] bytes = MachineStateCodec.encode(new MachineStates(seed).next()).toByteArray();
    byte[] part = Arrays.copyOf(bytes, new Random(where).nextInt(bytes.length));
    assertThatThrownBy(() -> decode(part)).isInstanceOf(SnapshotFormatException.class);
  }

  @Test
  void fieldsOfALaterVersionAreSkipped() {
    MachineState state = new MachineStates(1).next();
    byte[] known = MachineStateCodec.encode(state).toByteArray();
    byte[] later = new FieldWriter().string(500, "something new").i64(501, 7).toByteArray();
    byte[] both = Arrays.copyOf(known, known.length + later.length);
    System.arraycopy(later, 0, both, known.length, later.length);
    assertThat(decode(both)).isEqualTo(state);
  }

  @Test
  void anotherVersionIsRefusedByItsNumber() {
    byte[] bytes = new FieldWriter().u32(1, 7).toByteArray();
    assertThatThrownBy(() -> decode(bytes))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("version 7");
  }

  @Test
  void aNameThatCouldNotBeReadAgainIsNotWritten() {
    MachineState state = new MachineStates(2).next().withName("x".repeat(1025));
    assertThatThrownBy(() -> MachineStateCodec.encode(state))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("name of more than 1024 bytes");
  }
}
