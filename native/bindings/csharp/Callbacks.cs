using System;
using System.Runtime.InteropServices;

namespace Ecg2Lab
{
    // What the library calls. The handles of model and streams hold it, so that it lives as long as they may be freed by
    // the garbage collector, too. No exception may reach the library's own frames.
    sealed class Callbacks
    {
        readonly Native.LogCallback log;
        readonly Native.ThreadHookCallback begin, end;

        public Callbacks(Options options)
        {
            Log say = options.Log;
            if (say != null) log = (user, level, message) => Drop(() => say((LogLevel)level, Memory.Text(message)));
            begin = Hook(options.ThreadBegin);
            end = Hook(options.ThreadEnd);
        }

        public void Lend(ref Native.Options to)
        {
            to.log = Pointer(log);
            to.thread_begin = Pointer(begin);
            to.thread_end = Pointer(end);
        }

        static Native.ThreadHookCallback Hook(Action<int> hook)
        {
            if (hook == null) return null;
            return (user, thread) => Drop(() =>
            {
                UnblockSignals();
                hook((int)thread);
            });
        }

        static IntPtr Pointer<T>(T callback) where T : class
        {
            return callback == null ? IntPtr.Zero : Marshal.GetFunctionPointerForDelegate(callback);
        }

        // The runtime stops a thread that it has seen by a signal, which the library's helpers block: Mono's garbage
        // collector would wait for ever.
        static void UnblockSignals()
        {
            if (Environment.OSVersion.Platform != PlatformID.Unix) return;
            try { sigprocmask(SetMask, new byte[MaskBytes], IntPtr.Zero); }
            catch (DllNotFoundException) { }  // not Linux with glibc
        }

        const int SetMask = 2, MaskBytes = 128;

        [DllImport("libc.so.6")]
        static extern int sigprocmask(int how, byte[] mask, IntPtr before);

        static void Drop(Action call)
        {
            try { call(); }
            catch (Exception) { }
        }
    }
}
