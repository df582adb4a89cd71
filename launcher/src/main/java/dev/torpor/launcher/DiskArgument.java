package dev.torpor.launcher;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A disk as a person writes it: {@code image.raw} or {@code image.raw,ro}.
 *
 * @param path the image
 * @param readOnly whether the guest may only read it
 */
record DiskArgument(Path path, boolean readOnly) {
  private static final String READ_ONLY = ",ro";

  /** For picocli. */
  static final class Converter implements ITypeConverter<DiskArgument> {
    @Override
    public DiskArgument convert(String text) {
      boolean readOnly = text.endsWith(READ_ONLY);
      String path = readOnly ? text.substring(0, text.length() - READ_ONLY.length()) : text;
      if (path.isEmpty()) {
        throw new TypeConversionException("no file is named: write FILE or FILE,ro");
      }
      try {
        return new DiskArgument(Path.of(path), readOnly);
      } catch (InvalidPathException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
