package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.fixtures.FailingCalls;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every call that can fail does so with its own name, the error and its operands. */
class BadDescriptorTest {
  private static final FileDescriptor NONE = FileDescriptor.owning(-1);
  private static final long ADDRESS = 0x7000;
  private static final String RANGE = "address=0x7000, byteCount=4096, mode=";

  @AutoClose private final Mapping mapping = Mapping.anonymous(3 * 4096, 0);
  private final LinuxFile file = new LinuxFile(NONE);
  private final EventFd event = new EventFd(NONE);
  private final Epoll epoll = new Epoll(NONE);
  private final UserFaultFd userFaultFd = new UserFaultFd(NONE, 0);
  private final PageMap pageMap = new PageMap(file);

  private FailingCalls calls(Class<?> type) {
    return new FailingCalls(type, LinuxException.class);
  }

  private FailingCalls fileCalls() {
    Path missing = Path.of("/no/such/file");
    return calls(LinuxFile.class)
        .failing(
            "open",
            Errno.ENOENT,
            "open",
            "path=/no/such/file, flags=0x2",
            () -> LinuxFile.open(missing, LinuxFile.O_RDWR).close())
        .failing(
            "inMemory",
            Errno.EINVAL,
            "ftruncate",
            "byteSize=-1",
            () -> LinuxFile.inMemory("torpor-test", -1, false).close())
        .badDescriptor(
            "read",
            "pread",
            "fd=-1, byteCount=512, offset=8192",
            () -> file.read(ADDRESS, 512, 8192))
        .badDescriptor(
            "write",
            "pwrite",
            "fd=-1, byteCount=512, offset=8192",
            () -> file.write(ADDRESS, 512, 8192))
        .badDescriptor("sync", "fdatasync", "fd=-1", file::sync)
        .badDescriptor("dropFromPageCache", "posix_fadvise", "fd=-1", file::dropFromPageCache)
        .badDescriptor("truncate", "ftruncate", "fd=-1, byteSize=5", () -> file.truncate(5))
        .badDescriptor(
            "startWriteBack",
            "sync_file_range",
            "fd=-1, offset=4096, byteCount=8192",
            () -> file.startWriteBack(4096, 8192))
        .badDescriptor(
            "preallocate",
            "fallocate",
            "fd=-1, mode=0x1, offset=4096, byteCount=8192",
            () -> file.preallocate(4096, 8192))
        .badDescriptor(
            "punchHole",
            "fallocate",
            "fd=-1, mode=0x3, offset=4096, byteCount=8192",
            () -> file.punchHole(4096, 8192))
        .badDescriptor(
            "zeroRange",
            "fallocate",
            "fd=-1, mode=0x11, offset=4096, byteCount=8192",
            () -> file.zeroRange(4096, 8192))
        .badDescriptor("byteSize", "lseek", "fd=-1, offset=0, whence=2", file::byteSize)
        .badDescriptor("nextData", "lseek", "fd=-1, offset=9, whence=3", () -> file.nextData(9))
        .badDescriptor("nextHole", "lseek", "fd=-1, offset=9, whence=4", () -> file.nextHole(9))
        .badDescriptor("tryLock", "flock", "fd=-1", () -> file.tryLock(true))
        .badDescriptor(
            "copyRange",
            "copy_file_range",
            "fd=-1, byteCount=512, offset=8192",
            () -> file.copyRange(8192, file, 0, 512));
  }

  private FailingCalls mappingCalls() {
    return calls(Mapping.class)
        .failing(
            "anonymous",
            Errno.ENOMEM,
            "mmap",
            "byteSize=2305843009213693952",
            () -> Mapping.anonymous(1L << 61, 0).close())
        .failing(
            "anonymousAligned",
            Errno.ENOMEM,
            "mmap",
            "byteSize=2305843009213693952",
            () -> Mapping.anonymousAligned(1L << 60, 1L << 60, 0).close())
        .badDescriptor(
            "file",
            "mmap",
            "byteSize=4096, prot=1, flags=0x2, fd=-1, fileOffset=8192",
            () -> Mapping.file(NONE, 8192, 4096, Mapping.PROT_READ, Mapping.MAP_PRIVATE).close())
        .badDescriptor(
            "fileAligned",
            "mmap",
            "byteSize=4096, prot=3, flags=0x12, fd=-1, fileOffset=0",
            () -> Mapping.fileAligned(NONE, 0, 4096, 1 << 21, Mapping.MAP_PRIVATE).close())
        .badDescriptor(
            "replace",
            "mmap",
            "byteSize=4096, prot=3, flags=0x11, fd=-1, fileOffset=0",
            () -> mapping.replace(4096, 4096, NONE, 0, Mapping.MAP_SHARED))
        .failing(
            "advise",
            Errno.EINVAL,
            "madvise",
            "offset=0x1, byteCount=4096, advice=DONT_NEED",
            () -> mapping.advise(1, 4096, Mapping.Advice.DONT_NEED))
        .failing(
            "protect",
            Errno.EINVAL,
            "mprotect",
            "offset=0x1, byteCount=4096, prot=1",
            () -> mapping.protect(1, 4096, Mapping.PROT_READ));
  }

  private FailingCalls userFaultFdCalls() {
    return calls(UserFaultFd.class)
        .failing(
            "open",
            Errno.EINVAL,
            "UFFDIO_API",
            "features=0x4000000000000000",
            () -> UserFaultFd.open(1L << 62).close())
        .badDescriptor(
            "register",
            "UFFDIO_REGISTER",
            RANGE + "2",
            () -> userFaultFd.register(ADDRESS, 4096, UserFaultFd.MODE_WP))
        .badDescriptor(
            "unregister",
            "UFFDIO_UNREGISTER",
            RANGE + "0",
            () -> userFaultFd.unregister(ADDRESS, 4096))
        .badDescriptor("wake", "UFFDIO_WAKE", RANGE + "0", () -> userFaultFd.wake(ADDRESS, 4096))
        .badDescriptor(
            "writeProtect",
            "UFFDIO_WRITEPROTECT",
            RANGE + "1",
            () -> userFaultFd.writeProtect(ADDRESS, 4096, true))
        .badDescriptor(
            "copy", "UFFDIO_COPY", RANGE + "2", () -> userFaultFd.copy(ADDRESS, ADDRESS, 4096, 2))
        .badDescriptor(
            "move", "UFFDIO_MOVE", RANGE + "1", () -> userFaultFd.move(ADDRESS, ADDRESS, 4096, 1))
        .badDescriptor(
            "zeroPage",
            "UFFDIO_ZEROPAGE",
            RANGE + "1",
            () -> userFaultFd.zeroPage(ADDRESS, 4096, 1))
        .badDescriptor(
            "continueMinor",
            "UFFDIO_CONTINUE",
            RANGE + "1",
            () -> userFaultFd.continueMinor(ADDRESS, 4096, 1))
        .badDescriptor(
            "poison", "UFFDIO_POISON", RANGE + "0", () -> userFaultFd.poison(ADDRESS, 4096));
  }

  private FailingCalls messageCalls() {
    return calls(UserFaultFd.Messages.class)
        .badDescriptor(
            "read",
            "read of a userfaultfd",
            "fd=-1",
            () -> new UserFaultFd.Messages().read(userFaultFd));
  }

  private FailingCalls eventFdCalls() {
    return calls(EventFd.class)
        .badDescriptor("signal", "write of an eventfd", "fd=-1", event::signal)
        .badDescriptor("take", "read of an eventfd", "fd=-1", event::take);
  }

  private FailingCalls epollCalls() {
    return calls(Epoll.class)
        .badDescriptor("add", "epoll_ctl", "operation=1, watched fd=-1", () -> epoll.add(NONE, 7))
        .badDescriptor(
            "remove", "epoll_ctl", "operation=2, watched fd=-1", () -> epoll.remove(NONE))
        .badDescriptor("await", "epoll_wait", "fd=-1", () -> epoll.await(0));
  }

  private FailingCalls pageMapCalls() {
    return calls(PageMap.class)
        .badDescriptor(
            "scan",
            "PAGEMAP_SCAN",
            "start=0x7000, end=0x8000, flags=1, categories=2",
            () -> pageMap.scan(ADDRESS, ADDRESS + 4096, 1, 2));
  }

  private FailingCalls terminalCalls() {
    return calls(Terminal.class)
        .badDescriptor("makeRaw", "tcgetattr", "fd=-1", () -> Terminal.makeRaw(-1).close());
  }

  private FailingCalls signalCalls() {
    return calls(ThreadSignal.class)
        .failing(
            "sendTo",
            Errno.EINVAL,
            "tgkill",
            "thread=-1, signal=44",
            () -> ThreadSignal.sendTo(-1));
  }

  @TestFactory
  Stream<DynamicTest> everyCallThatFailsNamesItselfAndItsOperands() {
    return Stream.of(
            fileCalls(),
            mappingCalls(),
            userFaultFdCalls(),
            messageCalls(),
            eventFdCalls(),
            epollCalls(),
            pageMapCalls(),
            terminalCalls(),
            signalCalls())
        .flatMap(FailingCalls::tests);
  }

  @Test
  void everyPublicMethodThatMakesACallIsTried() {
    fileCalls().requireCompleteBut("close", "descriptor");
    mappingCalls().requireCompleteBut("close", "address", "byteSize", "segment");
    userFaultFdCalls()
        .requireCompleteBut("close", "descriptor", "features", /* as open: */ "supportedFeatures");
    messageCalls()
        .requireCompleteBut("event", "faultAddress", "faultFlags", "removedStart", "removedEnd");
    eventFdCalls().requireCompleteBut("close", "descriptor", /* has no operand: */ "create");
    epollCalls().requireCompleteBut("close", "token", /* has no operand: */ "create");
    pageMapCalls()
        .requireCompleteBut(
            "close",
            "regionCategories",
            "regionEnd",
            "regionStart",
            "walkEnd",
            /* has no operand: */ "open");
    terminalCalls().requireCompleteBut("close", /* answers false, see below: */ "isTerminal");
    signalCalls()
        .requireCompleteBut("blockInThisThread", "currentThreadId", /* cannot fail: */ "dequeue");
  }

  @Test
  void aDescriptorThatIsNoneIsNoTerminal() {
    assertThat(Terminal.isTerminal(-1)).isFalse();
  }

  @TestFactory
  Stream<DynamicTest> callsOnAFileOfTheWrongKindAnswerTheDocumentedError() {
    LinuxFile ordinary = LinuxFile.open(Path.of("/dev/null"), LinuxFile.O_RDWR);
    PageMap notAPageMap = new PageMap(ordinary);
    UserFaultFd notAUserFaultFd = new UserFaultFd(ordinary.descriptor(), 0);
    int number = ordinary.descriptor().number();
    return calls(LinuxFile.class)
        .failing(
            "scan",
            Errno.ENOTTY,
            "PAGEMAP_SCAN",
            "start=0x0",
            () -> notAPageMap.scan(0, 4096, 0, 8))
        .failing(
            "wake",
            Errno.ENOTTY,
            "UFFDIO_WAKE",
            RANGE + "0",
            () -> notAUserFaultFd.wake(ADDRESS, 4096))
        .failing(
            "makeRaw",
            Errno.ENOTTY,
            "tcgetattr",
            "fd=" + number,
            () -> Terminal.makeRaw(number).close())
        .tests()
        .onClose(ordinary::close);
  }

  @Test
  void aClosedDescriptorAnswersEbadfInsteadOfActingOnWhoeverHasItsNumberNow() {
    EventFd closed = EventFd.create();
    closed.close();
    closed.close();
    try (EventFd takesTheNumber = EventFd.create()) {
      calls(EventFd.class)
          .badDescriptor("signal", "write of an eventfd", "fd=-1", closed::signal)
          .check();
      assertThat(takesTheNumber.take()).isZero();
    }
  }
}
