using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;

namespace Ecg2Lab
{
    /// <summary>A signal that is still coming in, answered every hop from its latest window. Calls of several threads take
    /// turns. It outlives its model.</summary>
    public sealed class EcgStream : IDisposable
    {
        readonly StreamHandle handle;
        readonly Recording format;
        readonly object turn = new object();

        internal EcgStream(StreamHandle handle, Recording format)
        {
            this.handle = handle;
            this.format = format;
        }

        /// <summary>Samples of every lead that follow those before, in the layout of the format. Cheap: nothing is answered
        /// yet.</summary>
        public void Push(double[] samples) { Push(samples, SampleType.Double); }

        /// <summary>As above.</summary>
        public void Push(float[] samples) { Push(samples, SampleType.Float); }

        /// <summary>As above.</summary>
        public void Push(short[] samples) { Push(samples, SampleType.Int16); }

        /// <summary>As above.</summary>
        public void Push(int[] samples) { Push(samples, SampleType.Int32); }

        void Push(Array samples, SampleType type)
        {
            if (samples == null) throw new ArgumentNullException("samples");
            if (type != format.Type) throw new ArgumentException("the stream was opened for samples of another type than " + type);
            using (var lent = new Lent())
            lock (turn)
            {
                UIntPtr count = (UIntPtr)format.SamplesOfEach(samples);
                Library.Check(Native.ecg2lab_stream_push(handle, lent.Array(samples), count));
            }
        }

        /// <summary>The next window's answer, in the order of time; null: none is due. A window that is refused has a status
        /// other than Ok and a message, and the stream goes on.</summary>
        /// <param name="cancellation">Stops it, with OperationCanceledException. The window stays due.</param>
        /// <param name="timeout">After which it stops, with TimeoutException. The window stays due. null: never.</param>
        public Result Next(CancellationToken cancellation = default(CancellationToken), TimeSpan? timeout = null)
        {
            var limits = new Limits(cancellation, timeout);
            lock (turn)
            {
                IntPtr result = IntPtr.Zero;
                int status = limits.Run((ref Native.Call call) => Native.ecg2lab_stream_next_within(handle, ref call, out result));
                return Library.Take(status, result);
            }
        }

        /// <summary>All that are due.</summary>
        public IEnumerable<Result> Due()
        {
            for (Result result = Next(); result != null; result = Next()) yield return result;
        }

        /// <summary>New facts for the windows that come. If they are refused, the former stay.</summary>
        public void Set(Patient patient)
        {
            Native.Patient about = Model.Copy(patient);
            lock (turn) Library.Check(Native.ecg2lab_stream_patient(handle, ref about));
        }

        /// <summary>The signal ends here: the windows that wait for what follows become due.</summary>
        public void Finish() { lock (turn) Library.Check(Native.ecg2lab_stream_finish(handle)); }

        /// <summary>As it was opened: another recording of the same patient begins.</summary>
        public void Reset() { lock (turn) Library.Check(Native.ecg2lab_stream_reset(handle)); }

        /// <summary>How it stands, to go on later or in another process. It holds signal and no facts about the
        /// patient.</summary>
        public byte[] Save()
        {
            lock (turn)
            {
                IntPtr state;
                Library.Check(Native.ecg2lab_stream_save(handle, out state));
                try
                {
                    var from = Marshal.PtrToStructure<Native.Bytes>(state);
                    var bytes = new byte[(long)from.size];
                    Marshal.Copy(from.data, bytes, 0, bytes.Length);
                    return bytes;
                }
                finally
                {
                    Native.ecg2lab_bytes_free(state);
                }
            }
        }

        /// <summary>Goes on as the stream did that was saved; this one must have been opened likewise.</summary>
        public void Restore(byte[] state)
        {
            if (state == null) throw new ArgumentNullException("state");
            using (var lent = new Lent())
            lock (turn) Library.Check(Native.ecg2lab_stream_restore(handle, lent.Array(state), (UIntPtr)state.Length));
        }

        /// <summary>How it stands.</summary>
        public StreamState State
        {
            get
            {
                lock (turn)
                using (handle.Keep())
                {
                    IntPtr state = Native.ecg2lab_stream_describe(handle);
                    if (state == IntPtr.Zero) throw new OutOfMemoryException();
                    return Memory.One(state, (Native.StreamState from) => new StreamState(from));
                }
            }
        }

        /// <summary>Frees it as soon as no call uses it any more.</summary>
        public void Dispose() { handle.Dispose(); }
    }
}
