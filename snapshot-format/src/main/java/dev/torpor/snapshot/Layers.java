package dev.torpor.snapshot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ObjIntConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The layers of a store: a directory of files {@code %08d.layer}, numbered from 1. A number is
 * never used twice, so what was cached of a layer stays true. For any number of threads; other
 * processes may create layers in the same directory.
 */
public final class Layers implements AutoCloseable {
  /** How many layers stay open at once; others open again when they are read. */
  private static final int MAX_OPEN = 256;

  /** Of a number in a file's name, at least. */
  private static final int DIGITS = 8;

  private static final String LAYER = "layer";
  private static final String GONE = "gone";
  private static final Pattern NAME = Pattern.compile("(\\d{8,10})\\.(layer|gone)");

  private final Path directory;
  private final Claims claims;
  private final NodeCache nodes = new NodeCache(this);
  private final Map<Integer, Layer> open = new ConcurrentHashMap<>();
  private final ChannelLimit limit = new ChannelLimit(MAX_OPEN);
  private final NodeBuffers nodeBuffers = new NodeBuffers();

  /** The highest number that was seen here; 0 before anybody looked. */
  private int lastNumber;

  /** The highest numbers of layers, and of marks of deleted ones; 0 for none. */
  private record Highest(int layer, int gone) {
    int number() {
      return Math.max(layer, gone);
    }
  }

  /** Learns of a layer's number before its file exists, so that nobody takes it for garbage. */
  interface Claims {
    /** A layer of this number may be created at once. */
    void claim(int number);

    /** It was not: another process has it. */
    void unclaim(int number);

    /** Tells nobody. */
    Claims NONE =
        new Claims() {
          @Override
          public void claim(int number) {}

          @Override
          public void unclaim(int number) {}
        };
  }

  private Layers(Path directory, Claims claims) {
    this.directory = directory;
    this.claims = claims;
  }

  /**
   * Opens a directory of layers, and creates it where there is none.
   *
   * @param directory where the layers are
   * @return its layers
   * @throws UncheckedIOException if the directory cannot be made
   */
  public static Layers open(Path directory) {
    return open(directory, Claims.NONE);
  }

  static Layers open(Path directory, Claims claims) {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create the directory %s".formatted(directory), e);
    }
    return new Layers(directory, claims);
  }

  /**
   * Begins a new layer under the next free number.
   *
   * @param kind how it arranges its blocks
   * @param imageBlockCount how many blocks the image has, from 1 to {@link Image#MAX_BLOCK_COUNT}
   * @return its writer, owned by the caller
   * @throws UncheckedIOException if the file cannot be made
   */
  public LayerWriter create(LayerKind kind, long imageBlockCount) {
    if (imageBlockCount < 1 || imageBlockCount > Image.MAX_BLOCK_COUNT) {
      throw new IllegalArgumentException("layer for %d blocks".formatted(imageBlockCount));
    }
    while (true) {
      int number = nextNumber();
      Path path = path(number);
      claims.claim(number);
      try {
        FileChannel channel =
            FileChannel.open(
                path,
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        LayerWriter writer =
            LayerWriter.begin(
                path,
                limit,
                channel,
                new LayerHeader(kind, false, number, UUID.randomUUID(), imageBlockCount, 0));
        if (isUnused(number)) {
          return writer;
        }
        // Since we looked, others may have created a layer of this number and deleted it.
        writer.close();
      } catch (FileAlreadyExistsException e) {
        // Another process was faster; the next number is ours, or the one after it.
        look();
      } catch (IOException e) {
        throw new UncheckedIOException("cannot create the layer %s: %s".formatted(path, e), e);
      }
      claims.unclaim(number);
    }
  }

  /**
   * Goes on with a layer that its writer left unfinished, perhaps because its process ended. What
   * was appended before is kept; new blocks come behind the end of the file. A layer that says that
   * it is finished and lacks its end is unfinished too: a crash kept its header alone.
   *
   * @param number the layer's number
   * @return its writer, owned by the caller
   * @throws SnapshotFormatException if there is no such layer, it is finished or its header is
   *     damaged
   */
  public LayerWriter resume(int number) {
    return LayerWriter.resume(path(number), limit, number);
  }

  /**
   * A finished layer, for reading. It belongs to this object: the caller does not close it.
   *
   * @param number its number
   * @return the layer; the same object each time
   * @throws SnapshotFormatException if there is no such layer, or it is not finished, truncated or
   *     its header is damaged
   */
  public Layer layer(int number) {
    // get() first: computeIfAbsent() would allocate a closure and may lock.
    Layer layer = open.get(number);
    return layer != null ? layer : open.computeIfAbsent(number, this::openLayer);
  }

  /**
   * Gives up a layer that was created here and that nothing will refer to. Who collects garbage may
   * then delete it; one that something refers to by now stays as it is.
   *
   * @param number its number
   * @throws UncheckedIOException if that cannot be written down
   */
  public void forget(int number) {
    claims.unclaim(number);
  }

  /**
   * Where a layer's file is, whether it exists or not.
   *
   * @param number the layer's number
   * @return the path of its file
   */
  public Path path(int number) {
    String digits = Integer.toUnsignedString(number);
    return directory.resolve("0".repeat(Math.max(0, DIGITS - digits.length())) + digits + ".layer");
  }

  /**
   * The directory of the layers.
   *
   * @return its path
   */
  public Path directory() {
    return directory;
  }

  /**
   * Which layers there are, finished or not.
   *
   * @return their numbers, ascending
   * @throws UncheckedIOException if the directory cannot be read
   */
  public int[] numbers() {
    return numbers(LAYER);
  }

  /**
   * Deletes layers' files, those that there are. Their numbers are not used again. Nothing may use
   * the layers any more, in any process: locks are the caller's.
   *
   * @param numbers the layers' numbers
   * @throws UncheckedIOException if a file cannot be deleted
   */
  public void delete(Collection<Integer> numbers) {
    for (int number : numbers) {
      Layer layer = open.remove(number);
      if (layer != null) {
        layer.close();
      }
    }
    try {
      int highest = look().number(); // it never falls
      if (numbers.contains(highest)) {
        Files.write(mark(highest), new byte[0]);
        syncDirectory(directory);
      }
      for (int number : numbers) {
        Files.deleteIfExists(path(number));
      }
      for (int gone : numbers(GONE)) {
        if (gone < highest) {
          Files.deleteIfExists(mark(gone));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot delete the layers %s in %s: %s".formatted(numbers, directory, e), e);
    }
  }

  /** Closes all layers; images of them can no longer be read. */
  @Override
  public void close() {
    open.values().forEach(Layer::close);
  }

  NodeCache nodes() {
    return nodes;
  }

  NodeBuffers nodeBuffers() {
    return nodeBuffers;
  }

  /** Makes the entries of a directory durable. */
  static void syncDirectory(Path directory) {
    try (PositionedFile file = PositionedFile.open(directory, StandardOpenOption.READ)) {
      file.force(true);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open the directory %s".formatted(directory), e);
    }
  }

  private Layer openLayer(int number) {
    return Layer.open(path(number), limit, number);
  }

  /** Looks only once: a directory of many layers takes long to list. */
  private synchronized int nextNumber() {
    if (lastNumber == 0) {
      look();
    }
    lastNumber = Math.addExact(lastNumber, 1);
    return lastNumber;
  }

  /** Whether a layer that was just created is the newest, and nobody had its number before. */
  private boolean isUnused(int number) {
    Highest highest = look();
    return highest.layer == number && highest.gone < number;
  }

  private synchronized Highest look() {
    int[] layer = new int[1];
    int[] gone = new int[1];
    list(
        (kind, number) -> {
          int[] highest = kind.equals(LAYER) ? layer : gone;
          highest[0] = Math.max(highest[0], number);
        });
    Highest highest = new Highest(layer[0], gone[0]);
    lastNumber = Math.max(lastNumber, highest.number());
    return highest;
  }

  /** An empty file that keeps the number of a deleted layer while no layer has a higher one. */
  private Path mark(int number) {
    return directory.resolve("%08d.gone".formatted(number));
  }

  private int[] numbers(String wanted) {
    IntStream.Builder numbers = IntStream.builder();
    list(
        (kind, number) -> {
          if (kind.equals(wanted)) {
            numbers.add(number);
          }
        });
    return numbers.build().sorted().toArray();
  }

  private void list(ObjIntConsumer<String> found) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        if (name.matches() && Long.parseLong(name.group(1)) <= Integer.MAX_VALUE) {
          found.accept(name.group(2), Integer.parseInt(name.group(1)));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list the layers in %s".formatted(directory), e);
    }
  }
}
