using System;
using System.Collections.Generic;
using System.IO;
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

        /// <summary>Called in each helper thread, with its number from 1, as its first act; null: nothing is. It must not
        /// call the library. What it throws is dropped.</summary>
        public Action<int> ThreadBegin { get; set; }

        /// <summary>Likewise as its last act, when the model and its streams are freed. Under Mono
        /// dispose of them before the program ends: it waits for every thread that ran a hook.</summary>
        public Action<int> ThreadEnd { get; set; }
    }

    /// <summary>A loaded bundle. Any number of threads may share it. Disposing of it while others use it is safe: what was
    /// begun is answered, and every later call throws ObjectDisposedException.</summary>
    public sealed class Model : IDisposable
    {
        delegate int Loading(Lent lent, ref Native.Options options, out ModelHandle model);
        delegate int Asking(
            ModelHandle model, ref Native.Recording recording, ref Native.Patient patient, ref Native.Call call, out IntPtr result);

        readonly ModelHandle handle;
        volatile bool disposed;

        /// <summary>What the model is.</summary>
        public Description Description { get; }

        /// <summary>Checks every byte of the bundle.</summary>
        public Model(string path, Options options = null) : this(options, From(path)) { }

        /// <summary>The same of a bundle in memory, which is copied.</summary>
        /// <param name="bundle">Its content.</param>
        /// <param name="options">How it is loaded.</param>
        /// <param name="name">Stands for the path in messages and answers; null: "memory".</param>
        public static Model Load(byte[] bundle, Options options = null, string name = null)
        {
            if (bundle == null) throw new ArgumentNullException("bundle");
            return new Model(options, (Lent lent, ref Native.Options to, out ModelHandle model) => Native.ecg2lab_load_memory(
                lent.Array(bundle), (UIntPtr)bundle.Length, lent.Text(name), ref to, out model));
        }

        /// <summary>The same of all that a stream still holds, such as a resource of the program.</summary>
        public static Model Load(Stream bundle, Options options = null, string name = null)
        {
            if (bundle == null) throw new ArgumentNullException("bundle");
            var content = new MemoryStream();
            bundle.CopyTo(content);
            return Load(content.ToArray(), options, name);
        }

        static Loading From(string path)
        {
            if (path == null) throw new ArgumentNullException("path");
            return (Lent lent, ref Native.Options to, out ModelHandle model) =>
                Native.ecg2lab_load(lent.Text(path), ref to, out model);
        }

        Model(Options options, Loading load)
        {
            options = options ?? new Options();
            var callbacks = new Callbacks(options);
            using (var lent = new Lent())
            {
                var to = new Native.Options();
                Library.Check(Native.ecg2lab_options_init(ref to, Memory.Size<Native.Options>()));
                to.precision = lent.Text(options.Precision);
                to.threads = (UIntPtr)(ulong)Math.Max(options.Threads, 0);
                to.out_of_range = (int)options.OutOfRange;
                callbacks.Lend(ref to);
                int status = load(lent, ref to, out handle);
                handle.Callbacks = callbacks;
                Library.Check(status);
            }
            Description = Memory.One(Native.ecg2lab_describe(handle), (Native.Description from) => new Description(from));
        }

        /// <summary>Answers for one recording. Without a patient nothing is known of one.</summary>
        /// <param name="recording">The ECG.</param>
        /// <param name="patient">What is known of the patient; null: nothing.</param>
        /// <param name="cancellation">Stops it.</param>
        /// <param name="timeout">After which it stops, counted from now; null: never.</param>
        /// <exception cref="RefusedException">The library does not answer from this recording or patient.</exception>
        /// <exception cref="OperationCanceledException">It was cancelled before it had an answer.</exception>
        /// <exception cref="TimeoutException">The time passed before it had an answer.</exception>
        public Result Predict(
            Recording recording, Patient patient = null, CancellationToken cancellation = default(CancellationToken), TimeSpan? timeout = null)
        {
            RefuseDisposed();
            return Answer(Native.ecg2lab_predict_within, recording, patient, new Limits(cancellation, timeout));
        }

        /// <summary>As <see cref="Predict"/>, in a thread of the pool. Once begun, it goes on even if the model is disposed of
        /// meanwhile.</summary>
        public Task<Result> PredictAsync(
            Recording recording, Patient patient = null, CancellationToken cancellation = default(CancellationToken), TimeSpan? timeout = null)
        {
            return Later(Native.ecg2lab_predict_within, recording, patient, cancellation, timeout);
        }

        /// <summary>As <see cref="Predict"/>, and says in <c>Explanations</c> what the answers rest on. It takes as long as a
        /// hundred answers.</summary>
        /// <param name="recording">The ECG.</param>
        /// <param name="patient">What is known of the patient; null: nothing.</param>
        /// <param name="targets">Names; null: every target of the model.</param>
        /// <param name="segment">Seconds of each stretch of time that is taken away, a window at most.</param>
        /// <param name="cancellation">Stops it.</param>
        /// <param name="timeout">After which it stops, counted from now; null: never.</param>
        public Result Explain(
            Recording recording, Patient patient = null, IReadOnlyCollection<string> targets = null, double segment = 0.2,
            CancellationToken cancellation = default(CancellationToken), TimeSpan? timeout = null)
        {
            RefuseDisposed();
            return Answer(Explaining(targets, segment), recording, patient, new Limits(cancellation, timeout));
        }

        /// <summary>As <see cref="Explain"/>, in a thread of the pool.</summary>
        public Task<Result> ExplainAsync(
            Recording recording, Patient patient = null, IReadOnlyCollection<string> targets = null, double segment = 0.2,
            CancellationToken cancellation = default(CancellationToken), TimeSpan? timeout = null)
        {
            return Later(Explaining(targets, segment), recording, patient, cancellation, timeout);
        }

        static Asking Explaining(IReadOnlyCollection<string> targets, double segment)
        {
            return (ModelHandle model, ref Native.Recording recording, ref Native.Patient patient, ref Native.Call call, out IntPtr result) =>
            {
                using (var lent = new Lent())
                {
                    var options = new Native.ExplainOptions();
                    Library.Check(Native.ecg2lab_explain_options_init(ref options, Memory.Size<Native.ExplainOptions>()));
                    if (targets != null)
                    {
                        options.targets = lent.Texts(targets);
                        options.target_count = (UIntPtr)targets.Count;
                    }
                    options.segment_s = segment;
                    return Native.ecg2lab_explain(model, ref recording, ref patient, ref options, ref call, out result);
                }
            };
        }

        Result Answer(Asking ask, Recording recording, Patient patient, Limits limits)
        {
            if (recording == null) throw new ArgumentNullException("recording");
            using (var lent = new Lent())
            {
                Native.Recording from = recording.Lend(lent);
                Native.Patient about = Copy(patient);
                IntPtr result = IntPtr.Zero;
                int status = limits.Run((ref Native.Call call) => ask(handle, ref from, ref about, ref call, out result));
                Result answer = Library.Take(status, result);
                if (status != 0) throw new RefusedException(answer);
                return answer;
            }
        }

        Task<Result> Later(Asking ask, Recording recording, Patient patient, CancellationToken cancellation, TimeSpan? timeout)
        {
            if (recording == null) throw new ArgumentNullException("recording");
            RefuseDisposed();
            var limits = new Limits(cancellation, timeout);
            IDisposable kept = handle.Keep();
            Task<Result> task = Task.Run(() => Answer(ask, recording, patient, limits), cancellation);
            task.ContinueWith(_ => kept.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return task;
        }

        /// <summary>Only the quality of a recording, as <see cref="Predict"/> judges it: for a program that shows how the
        /// electrodes are while it records. One that would be refused is a result like the others, with its
        /// <c>Status</c>.</summary>
        public Result Judge(Recording recording)
        {
            if (recording == null) throw new ArgumentNullException("recording");
            RefuseDisposed();
            using (var lent = new Lent())
            {
                Native.Recording from = recording.Lend(lent);
                IntPtr result;
                int status = Native.ecg2lab_judge(handle, ref from, out result);
                return Library.Take(status, result);
            }
        }

        /// <summary>Whether this device computes the model right, by the golden windows of the bundle.</summary>
        /// <exception cref="SelftestException">It does not.</exception>
        public SelftestReport Selftest(CancellationToken cancellation = default(CancellationToken), TimeSpan? timeout = null)
        {
            RefuseDisposed();
            IntPtr report = IntPtr.Zero;
            int status = new Limits(cancellation, timeout).Run(
                (ref Native.Call call) => Native.ecg2lab_selftest(handle, ref call, out report));
            if (report == IntPtr.Zero) Library.Check(status);
            try
            {
                SelftestReport said = Memory.One(report, (Native.SelftestReport from) => new SelftestReport(from));
                if (!said.Passed) throw new SelftestException(said, Library.LastMessages());
                return said;
            }
            finally
            {
                Native.ecg2lab_selftest_report_free(report);
            }
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
                int status = Native.ecg2lab_stream_open(handle, ref from, ref about, ref options, out stream);
                stream.Callbacks = handle.Callbacks;
                Library.Check(status);
                return new EcgStream(stream, format);
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
    }
}
