package dev.torpor.linux.abi;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.UnionLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The vocabulary in which the kernel's structures are written down: {@code struct} takes its
 * members in the header's order and adds the padding that a C compiler would.
 */
public final class Abi {
  private Abi() {}

  /**
   * A C struct: members aligned to their own alignment, the whole padded to the largest one. An
   * empty name leaves it anonymous.
   */
  public static StructLayout struct(String name, MemoryLayout... members) {
    List<MemoryLayout> padded = new ArrayList<>();
    long offset = 0;
    long alignment = 1;
    for (MemoryLayout member : members) {
      long gap = -offset & (member.byteAlignment() - 1);
      if (gap != 0) {
        padded.add(MemoryLayout.paddingLayout(gap));
      }
      padded.add(member);
      offset += gap + member.byteSize();
      alignment = Math.max(alignment, member.byteAlignment());
    }
    long tail = -offset & (alignment - 1);
    if (tail != 0) {
      padded.add(MemoryLayout.paddingLayout(tail));
    }
    return named(MemoryLayout.structLayout(padded.toArray(MemoryLayout[]::new)), name);
  }

  /** A C union; an empty name leaves it anonymous. */
  public static UnionLayout union(String name, MemoryLayout... members) {
    return named(MemoryLayout.unionLayout(members), name);
  }

  /** A {@code __u8}. */
  public static ValueLayout u8(String name) {
    return ValueLayout.JAVA_BYTE.withName(name);
  }

  /** A {@code __u16}. */
  public static ValueLayout u16(String name) {
    return ValueLayout.JAVA_SHORT.withName(name);
  }

  /** A {@code __u32}, or a C {@code int}. */
  public static ValueLayout u32(String name) {
    return ValueLayout.JAVA_INT.withName(name);
  }

  /** A {@code __u64}, or a pointer. */
  public static ValueLayout u64(String name) {
    return ValueLayout.JAVA_LONG.withName(name);
  }

  /** {@code count} bytes in a row. */
  public static MemoryLayout bytes(String name, long count) {
    return MemoryLayout.sequenceLayout(count, ValueLayout.JAVA_BYTE).withName(name);
  }

  /** An array of {@code count} elements; a flexible array member has a count of zero. */
  public static MemoryLayout array(String name, long count, MemoryLayout element) {
    return MemoryLayout.sequenceLayout(count, element.withoutName()).withName(name);
  }

  /**
   * The byte offset of a member, by the names that lead to it. Unnamed unions and structs are
   * looked through, as C does.
   */
  public static long offset(MemoryLayout layout, String... names) {
    long offset = 0;
    MemoryLayout current = layout;
    for (String name : names) {
      GroupLayout group = (GroupLayout) current;
      long inGroup = memberOffset(group, name);
      if (inGroup < 0) {
        throw new AssertionError(group + " has no member " + name);
      }
      offset += inGroup;
      current = member(group, name);
    }
    return offset;
  }

  private static long memberOffset(GroupLayout group, String name) {
    long offset = 0;
    for (MemoryLayout member : group.memberLayouts()) {
      if (member.name().equals(Optional.of(name))) {
        return offset;
      }
      if (member instanceof GroupLayout nested && nested.name().isEmpty()) {
        long inNested = memberOffset(nested, name);
        if (inNested >= 0) {
          return offset + inNested;
        }
      }
      offset += group instanceof StructLayout ? member.byteSize() : 0;
    }
    return -1;
  }

  private static MemoryLayout member(GroupLayout group, String name) {
    for (MemoryLayout member : group.memberLayouts()) {
      if (member.name().equals(Optional.of(name))) {
        return member;
      }
      if (member instanceof GroupLayout nested
          && nested.name().isEmpty()
          && memberOffset(nested, name) >= 0) {
        return member(nested, name);
      }
    }
    throw new AssertionError(group + " has no member " + name);
  }

  private static <L extends MemoryLayout> L named(L layout, String name) {
    @SuppressWarnings("unchecked") // withName returns the receiver's own kind
    L named = name.isEmpty() ? layout : (L) layout.withName(name);
    return named;
  }
}
