package dev.torpor.snapshot;

import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * What people call checkpoints. In this order, the first reading that fits any checkpoint counts: a
 * whole UUID, a VM's name (its newest), a label or NAME/LABEL, the beginning of a UUID.
 */
final class References {
  private static final Pattern UUID_PREFIX = Pattern.compile("[0-9a-f][0-9a-f-]{3,35}");
  private static final int MIN_PREFIX_DIGITS = 4;
  private static final int MAX_CANDIDATES = 10;

  private References() {}

  /** Finds the one that is meant among all, which come oldest first. */
  static Summary find(String ref, List<Summary> all) {
    String lower = ref.toLowerCase(Locale.ROOT);
    List<Summary> byUuid = where(all, one -> one.uuid().toString().equals(lower));
    if (!byUuid.isEmpty()) {
      return byUuid.getFirst();
    }
    List<Summary> ofVm = where(all, one -> one.vmName().equals(ref));
    if (!ofVm.isEmpty()) {
      return ofVm.getLast();
    }
    List<Summary> byLabel = where(all, one -> isLabelled(one, ref));
    return only(ref, byLabel.isEmpty() ? byPrefix(lower, all) : byLabel, all);
  }

  private static boolean isLabelled(Summary summary, String ref) {
    String label = summary.label();
    return !label.isEmpty() && (ref.equals(label) || ref.equals(summary.vmName() + "/" + label));
  }

  private static List<Summary> byPrefix(String lower, List<Summary> all) {
    boolean isPrefix =
        UUID_PREFIX.matcher(lower).matches()
            && lower.replace("-", "").length() >= MIN_PREFIX_DIGITS;
    return isPrefix ? where(all, one -> one.uuid().toString().startsWith(lower)) : List.of();
  }

  private static Summary only(String ref, List<Summary> found, List<Summary> all) {
    if (found.size() == 1) {
      return found.getFirst();
    }
    if (found.isEmpty()) {
      List<Summary> near = where(all, one -> isNear(ref, one));
      throw new UnknownCheckpointException(
          "no checkpoint is called \"" + ref + '"' + (near.isEmpty() ? "" : "; these are alike:"),
          newest(near));
    }
    throw new UnknownCheckpointException(
        found.size()
            + " checkpoints are called \""
            + ref
            + "\"; say which by NAME/LABEL or more of the UUID:",
        newest(found));
  }

  /** Shares the VM's name or a part of a name with what was asked for. */
  private static boolean isNear(String ref, Summary summary) {
    String vmName = ref.contains("/") ? ref.substring(0, ref.indexOf('/')) : ref;
    return !vmName.isEmpty()
        && (summary.vmName().contains(vmName)
            || summary.label().contains(vmName)
            || summary.uuid().toString().startsWith(vmName.toLowerCase(Locale.ROOT)));
  }

  private static List<Summary> newest(List<Summary> some) {
    return some.subList(Math.max(0, some.size() - MAX_CANDIDATES), some.size());
  }

  private static List<Summary> where(List<Summary> all, Predicate<Summary> condition) {
    return all.stream().filter(condition).toList();
  }
}
