using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Ecg2Lab
{
    /// <summary>Called in the thread that called the library: what was loaded, and what was refused. Several threads may
    /// call it at once. What it throws is dropped: no log keeps an answer back.</summary>
    public delegate void Log(LogLevel level, string message);

    /// <summary>The library itself.</summary>
    public static class Library
    {
        // Structs only grow: an older library would leave the end of ours unwritten.
        static Library()
        {
            int there = Native.ecg2lab_abi_version();
            if (there < Native.AbiVersion)
            {
                throw new DllNotFoundException("the ecg2lab library is older than Ecg2Lab.dll (its ABI version is " + there +
                    ", not " + Native.AbiVersion + "): install the one that the package Ecg2Lab brings");
            }
        }

        /// <summary>Such as "0.1.0".</summary>
        public static string Version { get { return Memory.Text(Native.ecg2lab_version()); } }

        /// <summary>Such as "ECG2LAB_ERROR_QUALITY".</summary>
        public static string NameOf(Status status) { return Memory.Text(Native.ecg2lab_status_name((int)status)); }

        /// <summary>Every code that this library can answer with, and what stands in for one that a program does not
        /// know.</summary>
        public static IReadOnlyList<Code> Codes(Enumeration enumeration)
        {
            UIntPtr count;
            IntPtr codes = Native.ecg2lab_codes((int)enumeration, out count);
            return Memory.List(codes, count, (Native.Code from) => new Code(from));
        }

        /// <summary>Every message that there is, with empty parameters: what a program has to translate.</summary>
        public static IReadOnlyList<Message> Messages()
        {
            UIntPtr count;
            IntPtr messages = Native.ecg2lab_messages(out count);
            return Memory.List(messages, count, (Native.Message from) => new Message(from));
        }

        internal static string LastError { get { return Memory.Text(Native.ecg2lab_last_error()); } }

        internal static IReadOnlyList<Message> LastMessages()
        {
            UIntPtr count;
            IntPtr messages = Native.ecg2lab_last_messages(out count);
            return Memory.List(messages, count, (Native.Message from) => new Message(from));
        }

        internal static void Check(int status)
        {
            if (status != 0) throw new Ecg2LabException((Status)status, LastError, LastMessages());
        }

        // The result of a call that returned this status, copied and freed; null where the call gave none.
        internal static Result Take(int status, IntPtr result)
        {
            if (result == IntPtr.Zero)
            {
                Check(status);
                return null;
            }
            try
            {
                return new Result(Marshal.PtrToStructure<Native.Result>(result), result);
            }
            finally
            {
                Native.ecg2lab_result_free(result);
            }
        }
    }

    // Freed once: when it was disposed of, or forgotten, and no call uses it any more.
    abstract class Handle : SafeHandle
    {
        protected Handle() : base(IntPtr.Zero, true) { }

        // What the library may call until it is freed.
        public Callbacks Callbacks { get; set; }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        protected abstract void Free();

        // A runtime that is ending runs no hook any more, and freeing would wait for it.
        protected override bool ReleaseHandle()
        {
            if (!Environment.HasShutdownStarted) Free();
            return true;
        }

        // Keeps it until what is returned is disposed of.
        public IDisposable Keep() { return new Kept(this); }

        sealed class Kept : IDisposable
        {
            readonly Handle handle;
            bool kept;

            public Kept(Handle handle)
            {
                this.handle = handle;
                handle.DangerousAddRef(ref kept);
            }

            public void Dispose()
            {
                if (kept) handle.DangerousRelease();
                kept = false;
            }
        }
    }

    sealed class ModelHandle : Handle
    {
        protected override void Free() { Native.ecg2lab_free(handle); }
    }

    sealed class StreamHandle : Handle
    {
        protected override void Free() { Native.ecg2lab_stream_free(handle); }
    }
}
