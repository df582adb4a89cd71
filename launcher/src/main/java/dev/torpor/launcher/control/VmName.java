package dev.torpor.launcher.control;

import java.util.regex.Pattern;

/** What a VM may be called: its name is part of file names and of what people type. */
public final class VmName {
  /** How long a name may be, in characters. */
  public static final int MAX_CHARS = 64;

  private static final Pattern FORM =
      Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0," + (MAX_CHARS - 1) + "}");

  private VmName() {}

  /**
   * Whether a VM can be called so.
   *
   * @param name any text
   * @return whether it is a name
   */
  public static boolean isName(String name) {
    return FORM.matcher(name).matches();
  }

  /**
   * Checks a name.
   *
   * @param name what somebody wants to call a VM
   * @return the name
   * @throws IllegalArgumentException if no VM can be called so; the message says what would be
   *     right
   */
  public static String require(String name) {
    if (!isName(name)) {
      throw new IllegalArgumentException(
          "'%s' is no name for a VM: write up to %d letters, digits, dots, dashes or underscores, a letter or digit first"
              .formatted(name, MAX_CHARS));
    }
    return name;
  }
}
