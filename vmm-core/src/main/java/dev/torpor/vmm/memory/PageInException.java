package dev.torpor.vmm.memory;

/**
 * A page of a paged VM could not be brought in, and the VM with it cannot go on. The cause says
 * what is wrong with the page's source.
 */
public final class PageInException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Describes a page.
   *
   * @param page the page that was needed; page {@code i} is guest memory at backing offset {@code i
   *     * 4096}
   * @param cause the failure, of this page or of an earlier one
   */
  public PageInException(long page, Throwable cause) {
    super("cannot bring in page %d of guest memory: %s".formatted(page, cause.getMessage()), cause);
  }
}
