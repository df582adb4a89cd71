package dev.torpor.kvm;

/**
 * A segment register with its hidden part (Intel SDM volume 3, section 3.4).
 *
 * @param base the first address
 * @param limit the last offset, in bytes
 * @param selector the visible selector
 * @param type the descriptor's type, 4 bits
 * @param present whether it is present
 * @param dpl the privilege level, 0 to 3
 * @param db whether operands are of 32 bits by default
 * @param s whether it is code or data rather than a system segment
 * @param l whether its code is of 64 bits
 * @param g whether the limit counts in pages
 * @param avl the bit free for software
 * @param unusable whether the register holds the null selector
 */
public record Segment(
    long base,
    int limit,
    int selector,
    int type,
    boolean present,
    int dpl,
    boolean db,
    boolean s,
    boolean l,
    boolean g,
    boolean avl,
    boolean unusable) {}
