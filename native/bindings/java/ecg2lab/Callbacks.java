package ecg2lab;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Pointer;
import java.util.function.IntConsumer;

/**
 * What the library calls. The handles of model and streams keep it from the garbage collector until they are freed. No
 * exception may reach the library's own frames.
 */
final class Callbacks {
  private final Declarations.LogCallback log;
  private final Declarations.ThreadHookCallback begin;
  private final Declarations.ThreadHookCallback end;

  Callbacks(Log log, IntConsumer begin, IntConsumer end) {
    this.log = log == null ? null : (user, level, text) -> drop(() -> log.say(LogLevel.of(level), Texts.read(text)));
    this.begin = hook(begin);
    this.end = hook(end);
  }

  void lend(Declarations.Options to) {
    to.log = pointer(log);
    to.thread_begin = pointer(begin);
    to.thread_end = pointer(end);
  }

  private static Declarations.ThreadHookCallback hook(IntConsumer hook) {
    return hook == null ? null : (user, thread) -> drop(() -> hook.accept(thread.intValue()));
  }

  private static Pointer pointer(Callback callback) {
    return callback == null ? null : CallbackReference.getFunctionPointer(callback);
  }

  private static void drop(Runnable call) {
    try {
      call.run();
    } catch (Throwable dropped) {
      return;
    }
  }
}
