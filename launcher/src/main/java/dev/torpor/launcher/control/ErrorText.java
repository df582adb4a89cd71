package dev.torpor.launcher.control;

import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;

/** What went wrong, in one line, for a person. */
public final class ErrorText {
  private ErrorText() {}

  /**
   * Tells of a failure.
   *
   * @param failure what was thrown
   * @return one line, never empty
   */
  public static String of(Throwable failure) {
    String message =
        switch (failure) {
          case UncheckedIOException wrapper -> of(wrapper.getCause());
          case NoSuchFileException missing -> missing.getFile() + ": no such file";
          case AccessDeniedException denied -> denied.getFile() + ": permission denied";
          case FileAlreadyExistsException there -> there.getFile() + ": exists already";
          default -> failure.getMessage();
        };
    return message == null || message.isBlank()
        ? failure.toString()
        : message.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
