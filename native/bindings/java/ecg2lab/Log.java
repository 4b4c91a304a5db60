package ecg2lab;

/**
 * Called in the thread that called the library: what was loaded, and what was refused. Several threads may call it at once.
 * What it throws is dropped: no log keeps an answer back.
 */
@FunctionalInterface
public interface Log {
  void say(LogLevel level, String message);
}
