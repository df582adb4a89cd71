package dev.torpor.launcher.doctor;

/**
 * Something that the host has or lacks.
 *
 * @param id its lasting name, in kebab case
 * @param title its name for a person
 * @param required whether no VM runs without it
 * @param ok whether the host has it
 * @param detail what was found, in a few words
 * @param lost what does not work without it
 * @param remedy how to get it
 */
public record Capability(
    String id,
    String title,
    boolean required,
    boolean ok,
    String detail,
    String lost,
    String remedy) {

  /**
   * Something useful that VMs run without.
   *
   * @param id its lasting name
   * @param title its name for a person
   * @param lost what does not work without it
   * @param remedy how to get it
   * @return the question, to be answered by {@link #found}
   */
  static Capability useful(String id, String title, String lost, String remedy) {
    return new Capability(id, title, false, false, "not looked for", lost, remedy);
  }

  /** As {@link #useful}, for something that no VM runs without. */
  static Capability required(String id, String title, String lost, String remedy) {
    return new Capability(id, title, true, false, "not looked for", lost, remedy);
  }

  /** The same capability with an answer. */
  Capability found(boolean isThere, String whatWasFound) {
    return new Capability(id, title, required, isThere, whatWasFound, lost, remedy);
  }
}
