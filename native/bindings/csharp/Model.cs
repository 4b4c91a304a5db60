using System;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Ecg2Lab
{
    /// <summary>How a model is loaded.</summary>
    public sealed class Options
    {
        /// <summary>"fp32" …; null: the bundle's own.</summary>
        public string Precision { get; set; }

        /// <summary>Of one call, 1 to 256.</summary>
        public int Threads { get; set; } = 1;

        /// <summary>What becomes of a number about the patient outside the model's range.</summary>
        public OutOfRange OutOfRange { get; set; }

        /// <summary>null: none.</summary>
        public Log Log { get; set; }
    }

    /// <summary>A loaded bundle. Any number of threads may share it. Disposing of it while others use it is safe: what was
    /// begun is answered, and every later call throws ObjectDisposedException.</summary>
    public sealed class Model : IDisposable
    {
        readonly ModelHandle handle;
        readonly Native.LogCallback log;  // kept from the garbage collector for as long as the library may call it
        volatile bool disposed;

        /// <summary>What the model is.</summary>
        public Description Description { get; }

        /// <summary>Checks every byte of the bundle.</summary>
        public Model(string path, Options options = null)
        {
            if (path == null) throw new ArgumentNullException("path");
            options = options ?? new Options();
            log = Callback(options.Log);
            using (var lent = new Lent())
            {
                var to = new Native.Options();
                Library.Check(Native.ecg2lab_options_init(ref to, Memory.Size<Native.Options>()));
                to.precision = lent.Text(options.Precision);
                to.threads = (UIntPtr)(ulong)Math.Max(options.Threads, 0);
                to.out_of_range = (int)options.OutOfRange;
                if (log != null) to.log = Marshal.GetFunctionPointerForDelegate(log);
                Library.Check(Native.ecg2lab_load(lent.Text(path), ref to, out handle));
            }
            Description = Memory.One(Native.ecg2lab_describe(handle), (Native.Description from) => new Description(from));
        }

        /// <summary>Answers for one recording. Without a patient nothing is known of one.</summary>
        /// <exception cref="RefusedException">The library does not answer from this recording or patient.</exception>
        public Result Predict(Recording recording, Patient patient = null)
        {
            if (recording == null) throw new ArgumentNullException("recording");
            RefuseDisposed();
            return Answer(recording, patient);
        }

        Result Answer(Recording recording, Patient patient)
        {
            using (var lent = new Lent())
            {
                Native.Recording from = recording.Lend(lent);
                Native.Patient about = Copy(patient);
                IntPtr result;
                int status = Native.ecg2lab_predict(handle, ref from, ref about, out result);
                GC.KeepAlive(log);
                Result answer = Library.Take(status, result);
                if (status != 0) throw new RefusedException(answer);
                return answer;
            }
        }

        /// <summary>As <see cref="Predict"/>, in a thread of the pool. Once begun, it is answered even if the model is
        /// disposed of meanwhile; it is cancelled only before it begins.</summary>
        public Task<Result> PredictAsync(Recording recording, Patient patient = null, CancellationToken cancellation = default(CancellationToken))
        {
            if (recording == null) throw new ArgumentNullException("recording");
            RefuseDisposed();
            IDisposable kept = handle.Keep();
            Task<Result> task = Task.Run(() => Answer(recording, patient), cancellation);
            task.ContinueWith(_ => kept.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return task;
        }

        /// <summary>A stream of one patient. The format is a recording without samples.</summary>
        /// <param name="format">Leads, unit, rate and type of the samples to come.</param>
        /// <param name="patient">What is known of the patient; null: nothing.</param>
        /// <param name="hop">Seconds from one window to the next.</param>
        /// <param name="longestGap">Seconds without values after which a lead is off; 0: a window.</param>
        /// <param name="longestBacklog">Seconds of signal that may wait for answers to be taken; 0: the library's.</param>
        public EcgStream Open(Recording format, Patient patient = null, double hop = 1, double longestGap = 0, double longestBacklog = 0)
        {
            if (format == null) throw new ArgumentNullException("format");
            RefuseDisposed();
            using (var lent = new Lent())
            {
                Native.Recording from = format.Lend(lent);
                Native.Patient about = Copy(patient);
                var options = new Native.StreamOptions();
                Library.Check(Native.ecg2lab_stream_options_init(ref options, Memory.Size<Native.StreamOptions>()));
                options.hop_s = hop;
                options.longest_gap_s = longestGap;
                options.longest_backlog_s = longestBacklog;
                StreamHandle stream;
                Library.Check(Native.ecg2lab_stream_open(handle, ref from, ref about, ref options, out stream));
                return new EcgStream(stream, format, log);
            }
        }

        /// <summary>Frees it as soon as no call uses it any more.</summary>
        public void Dispose()
        {
            disposed = true;
            handle.Dispose();
        }

        // The handle itself takes calls for as long as others keep it.
        void RefuseDisposed()
        {
            if (disposed) throw new ObjectDisposedException("Model");
        }

        internal static Native.Patient Copy(Patient patient)
        {
            var to = new Native.Patient();
            Library.Check(Native.ecg2lab_patient_init(ref to, Memory.Size<Native.Patient>()));
            if (patient != null) patient.Copy(ref to);
            return to;
        }

        // No exception may reach the library's own frames.
        static Native.LogCallback Callback(Log log)
        {
            if (log == null) return null;
            return (user, level, message) =>
            {
                try { log((LogLevel)level, Memory.Text(message)); }
                catch (Exception) { }
            };
        }
    }
}
