using System;
using System.Diagnostics;
using System.Threading;

namespace Ecg2Lab
{
    // How long a call may take, from now, and who may stop it.
    sealed class Limits
    {
        public delegate int Asking(ref Native.Call call);

        const double Passed = 1e-9;  // seconds; for the library 0 is no limit

        readonly Stopwatch since = Stopwatch.StartNew();
        readonly CancellationToken cancellation;
        readonly TimeSpan? timeout;

        public Limits(CancellationToken cancellation, TimeSpan? timeout)
        {
            this.cancellation = cancellation;
            this.timeout = timeout == Timeout.InfiniteTimeSpan ? null : timeout;
            if (this.timeout < TimeSpan.Zero) throw new ArgumentOutOfRangeException("timeout");
        }

        // The status of a call that was not stopped.
        public int Run(Asking ask)
        {
            cancellation.ThrowIfCancellationRequested();
            var call = new Native.Call();
            Library.Check(Native.ecg2lab_call_init(ref call, Memory.Size<Native.Call>()));
            if (timeout != null) call.deadline_s = Math.Max((timeout.Value - since.Elapsed).TotalSeconds, Passed);
            IntPtr cancel = IntPtr.Zero;
            if (cancellation.CanBeCanceled) Library.Check(Native.ecg2lab_cancel_new(out cancel));
            try
            {
                call.cancel = cancel;
                // The end of the registration waits for what runs of it, so that nothing is asked of freed memory.
                using (cancellation.Register(() => Native.ecg2lab_cancel_set(cancel))) return Heed(ask(ref call));
            }
            finally
            {
                Native.ecg2lab_cancel_free(cancel);
            }
        }

        int Heed(int status)
        {
            if (status == (int)Status.ErrorDeadline) throw new TimeoutException(Library.LastError);
            if (status == (int)Status.ErrorCancelled) throw new OperationCanceledException(Library.LastError, cancellation);
            return status;
        }
    }
}
