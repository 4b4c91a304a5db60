// ecg2lab.h for C#, as far as an ECG cart needs it: a model, a question, an answer. A file to copy into a program.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Ecg2Lab
{
    public enum Unit { Microvolt = 1, Millivolt = 2, Volt = 3 }
    public enum FindingVerdict { NoDecision, Flagged, NotFlagged, Unsure, OutsideExperience }
    public enum Verdict { NotJudged, Good, Missing, Empty, Gap, Flat, Clipped, Faulty }

    // A call that failed; Message is the library's sentence.
    public class Ecg2LabException : Exception
    {
        public string Status { get; }
        public Ecg2LabException(string status, string message) : base(message) { Status = status; }
    }

    // The library understood and does not answer: Leads says which electrodes to look at.
    public sealed class RefusedException : Ecg2LabException
    {
        public IReadOnlyList<Lead> Leads { get; }
        public RefusedException(string status, string message, IReadOnlyList<Lead> leads) : base(status, message) { Leads = leads; }
    }

    public sealed class Lead
    {
        public string Name;
        public Verdict Verdict;  // a number without a name here: of a newer library
        public string Word;      // the same, as the library says it
    }

    public sealed class Finding
    {
        public string Target;
        public double Probability;
        public bool? Detected;  // whether it is flagged; null: nothing was decided
        public FindingVerdict Verdict;
        public string Reason;      // why it is neither flagged nor not; null: it is one
        public double? BaseRate;   // share of positives where the decision was measured; null: not stated
        public double? Ratio;      // of the probability to it
        public string Rule;        // by which the threshold was chosen; null: not stated
        public double? Ppv;        // share of right ones among such flags; null: not stated
    }

    // An input that was not given, and what stood in for it.
    public sealed class Imputed
    {
        public string Name;
        public double Number;
        public string Word;  // null for a number
    }

    public sealed class Answer
    {
        public string ModelName, Notice;
        public IReadOnlyList<Lead> Leads;
        public IReadOnlyList<Finding> Findings;
        public IReadOnlyList<Imputed> Imputed;
        public string Quality;                // "accepted", "warnings" or "refused"
        public IReadOnlyList<string> Faults;  // what to know about the recording, in sentences
        public double DurationS, UnusedS;
        public int Windows;
    }

    // What is known of a patient; NaN, and -1 for a code, is not known.
    public sealed class Patient
    {
        internal Native.Patient Known = new Native.Patient();

        public Patient() { Library.Check(Native.ecg2lab_patient_init(ref Known, Library.Size<Native.Patient>())); }

        public int Sex { set { Known.sex = value; } }    // 0 female, 1 male
        public int Race { set { Known.race = value; } }  // 0 asian, 1 black, 2 hispanic, 3 other, 4 white

        // A fact that is a number, by its name in ecg2lab_patient; returns whether there is one of that name.
        public bool TrySet(string name, double value)
        {
            var field = typeof(Native.Patient).GetField(name);
            if (field == null || field.FieldType != typeof(double)) return false;
            object boxed = Known;
            field.SetValue(boxed, value);
            Known = (Native.Patient)boxed;
            return true;
        }
    }

    public sealed class Recording
    {
        public double[] Samples;  // one sample of every lead after another; NaN is a missing one
        public IReadOnlyList<string> Leads;
        public double SamplingRateHz;
        public Unit Unit;
    }

    // May be shared between threads. Dispose it when no call with it is running.
    public sealed class Model : IDisposable
    {
        readonly ModelHandle handle;

        public Model(string path, int threads = 1, string precision = null)
        {
            var options = new Native.Options();
            Library.Check(Native.ecg2lab_options_init(ref options, Library.Size<Native.Options>()));
            options.threads = (UIntPtr)threads;
            using (var texts = new Texts())
            {
                options.precision = texts.Add(precision);
                Library.Check(Native.ecg2lab_load(texts.Add(path), ref options, out handle));
            }
        }

        public void Dispose() { handle.Dispose(); }

        // Throws RefusedException where the library does not answer from this recording.
        public Answer Predict(Recording recording, Patient patient)
        {
            var given = new Native.Recording();
            Library.Check(Native.ecg2lab_recording_init(ref given, Library.Size<Native.Recording>()));
            var samples = GCHandle.Alloc(recording.Samples, GCHandleType.Pinned);
            try
            {
                using (var texts = new Texts())
                {
                    int leads = recording.Leads.Count;
                    Library.RequireWhole(recording.Samples.Length, leads);
                    given.samples = samples.AddrOfPinnedObject();
                    given.sample_type = 1;  // ECG2LAB_DOUBLE
                    given.unit = (int)recording.Unit;
                    given.leads = texts.Add(recording.Leads);
                    given.lead_count = (UIntPtr)leads;
                    given.sample_count = (UIntPtr)(leads == 0 ? 0 : recording.Samples.Length / leads);
                    given.sampling_rate_hz = recording.SamplingRateHz;
                    given.lead_stride = (UIntPtr)1;
                    given.sample_stride = (UIntPtr)leads;
                    given.buffer_bytes = (UIntPtr)((ulong)recording.Samples.Length * sizeof(double));
                    return Ask(ref given, ref patient.Known);
                }
            }
            finally
            {
                samples.Free();
            }
        }

        Answer Ask(ref Native.Recording recording, ref Native.Patient patient)
        {
            IntPtr result;
            int status = Native.ecg2lab_predict(handle, ref recording, ref patient, out result);
            if (result == IntPtr.Zero) Library.Check(status);
            try
            {
                Answer answer = Library.Copy(Marshal.PtrToStructure<Native.Result>(result));
                if (status == 0) return answer;
                throw new RefusedException(Library.StatusName(status), Library.LastError(), answer.Leads);
            }
            finally
            {
                Native.ecg2lab_result_free(result);
            }
        }
    }

    // Frees the model when nobody uses it any more, even where Dispose was forgotten.
    sealed class ModelHandle : SafeHandle
    {
        ModelHandle() : base(IntPtr.Zero, true) { }
        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
        protected override bool ReleaseHandle()
        {
            Native.ecg2lab_free(handle);
            return true;
        }
    }

    // C strings for the time of a call.
    sealed class Texts : IDisposable
    {
        readonly List<IntPtr> blocks = new List<IntPtr>();

        public IntPtr Add(string text)
        {
            if (text == null) return IntPtr.Zero;
            byte[] bytes = Encoding.UTF8.GetBytes(text + "\0");
            IntPtr block = Allocate(bytes.Length);
            Marshal.Copy(bytes, 0, block, bytes.Length);
            return block;
        }

        public IntPtr Add(IReadOnlyList<string> texts)
        {
            IntPtr list = Allocate(Math.Max(texts.Count, 1) * IntPtr.Size);
            for (int i = 0; i < texts.Count; ++i) Marshal.WriteIntPtr(list, i * IntPtr.Size, Add(texts[i]));
            return list;
        }

        IntPtr Allocate(int size)
        {
            blocks.Add(Marshal.AllocHGlobal(size));
            return blocks[blocks.Count - 1];
        }

        public void Dispose()
        {
            foreach (IntPtr block in blocks) Marshal.FreeHGlobal(block);
        }
    }

    static class Library
    {
        // Structs only grow: an older library would leave the end of ours unwritten.
        static Library()
        {
            if (Native.ecg2lab_abi_version() < Native.AbiVersion) throw new DllNotFoundException("libecg2lab is too old");
        }

        public static UIntPtr Size<T>() { return (UIntPtr)Marshal.SizeOf<T>(); }
        public static string StatusName(int status) { return Text(Native.ecg2lab_status_name(status)); }
        public static string LastError() { return Text(Native.ecg2lab_last_error()); }

        public static void Check(int status)
        {
            if (status != 0) throw new Ecg2LabException(StatusName(status), LastError());
        }

        // A remainder would be left out without a word, and every lead be wrong where one sample is lost.
        public static void RequireWhole(int samples, int leads)
        {
            if (leads == 0 || samples % leads == 0) return;
            throw new Ecg2LabException(StatusName(1), samples + " samples are not as many for each of " + leads + " leads");
        }

        static string Text(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) ++length;
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        // The structs behind an array of pointers.
        static List<To> List<From, To>(IntPtr pointers, UIntPtr count, Func<From, To> copy)
        {
            var all = new List<To>();
            for (int i = 0; i < (int)count; ++i)
            {
                all.Add(copy(Marshal.PtrToStructure<From>(Marshal.ReadIntPtr(pointers, i * IntPtr.Size))));
            }
            return all;
        }

        static Lead Copy(Native.Lead lead)
        {
            return new Lead
            {
                Name = Text(lead.name),
                Verdict = (Verdict)lead.verdict,
                Word = Text(Native.ecg2lab_lead_verdict_name(lead.verdict)),
            };
        }

        static Finding Copy(Native.Finding finding)
        {
            var target = Marshal.PtrToStructure<Native.Target>(finding.target);
            var verdict = (FindingVerdict)finding.verdict;
            return new Finding
            {
                Target = Text(target.name),
                Probability = finding.probability,
                Detected = finding.detected < 0 ? (bool?)null : finding.detected == 1,
                Verdict = Enum.IsDefined(typeof(FindingVerdict), verdict) ? verdict : FindingVerdict.NoDecision,
                Reason = Text(finding.reason),
                BaseRate = Stated(finding.base_rate),
                Ratio = Stated(finding.ratio),
                Rule = Text(finding.rule),
                Ppv = finding.operating_point == IntPtr.Zero
                    ? null
                    : Stated(Marshal.PtrToStructure<Native.OperatingPoint>(finding.operating_point).ppv.value),
            };
        }

        static double? Stated(double number) { return double.IsNaN(number) ? (double?)null : number; }

        static Imputed Copy(Native.Imputed imputed)
        {
            return new Imputed { Name = Text(imputed.name), Number = imputed.number, Word = Text(imputed.word) };
        }

        public static Answer Copy(Native.Result result)
        {
            return new Answer
            {
                ModelName = Text(result.model_name),
                Notice = Text(result.notice),
                Leads = List<Native.Lead, Lead>(result.leads, result.lead_count, Copy),
                Findings = List<Native.Finding, Finding>(result.findings, result.finding_count, Copy),
                Imputed = List<Native.Imputed, Imputed>(result.imputed, result.imputed_count, Copy),
                Quality = Text(Native.ecg2lab_quality_name(result.quality)),
                Faults = List<Native.Fault, string>(result.faults, result.fault_count, fault => Text(fault.message)),
                DurationS = result.duration_s,
                UnusedS = result.unused_s,
                Windows = (int)result.window_count,
            };
        }
    }

    // The structs and calls of ecg2lab.h, field by field; every pointer is an IntPtr.
    static class Native
    {
        public const int AbiVersion = 3;

        public struct Options
        {
            public UIntPtr struct_size;
            public IntPtr precision;
            public UIntPtr threads;
            public IntPtr log, log_user;
            public int out_of_range;
        }

        public struct Target
        {
            public IntPtr name, lab, loinc, unit, comparison;
            public double limit;
            public int setting, horizon_min;
            public IntPtr category;
            public double decision_threshold;
        }

        public struct Recording
        {
            public UIntPtr struct_size;
            public IntPtr samples;
            public int sample_type, unit;
            public IntPtr leads;
            public UIntPtr lead_count, sample_count;
            public double sampling_rate_hz;
            public UIntPtr lead_stride, sample_stride;
            public IntPtr gain;
            public UIntPtr gain_count;
            public IntPtr baseline;
            public UIntPtr baseline_count;
            public IntPtr source;
            public UIntPtr source_count, buffer_bytes;
            public int has_missing_code, missing_code;
        }

        public struct Patient
        {
            public UIntPtr struct_size;
            public int sex, race;
            public double age, respiratory_per_min, spo2_percent, diastolic_mmhg, systolic_mmhg, heart_rate_bpm;
            public double temperature_c, temperature_f, height_cm, weight_kg, bmi;
        }

        public struct Lead
        {
            public IntPtr name;
            public int verdict, derived;
            public UIntPtr missing_samples, clipped_samples, longest_gap;
            public double peak_to_peak_mv;
            public double flat_share, saturated_share, noise_mv, wander_mv, mains_mv, bsqi, ksqi, ssqi, psqi, bassqi;
        }

        public struct Fault
        {
            public int code, refuses;
            public IntPtr name, lead, other_lead;
            public double measured, limit;
            public IntPtr message;
        }

        public struct Measured
        {
            public double value, low, high;
        }

        public struct OperatingPoint
        {
            public UIntPtr windows;
            public int facts;
            public double threshold;
            public UIntPtr patients, positives, negatives;
            public double prevalence;
            public Measured sensitivity, specificity, ppv, npv;
            public double conformal_error;
            public Measured coverage_positive, coverage_negative, unsure;
        }

        public struct Finding
        {
            public IntPtr target;
            public double probability, lowest, highest, decision_threshold;
            public int detected, verdict;
            public IntPtr reason;
            public double base_rate, ratio;
            public IntPtr rule, operating_point;
        }

        public struct Imputed
        {
            public IntPtr name;
            public double number;
            public IntPtr word;
        }

        public struct Result
        {
            public UIntPtr struct_size;
            public int status, refusal;
            public IntPtr message, notice, model_name, bundle_digest;
            public IntPtr leads;
            public UIntPtr lead_count;
            public IntPtr findings;
            public UIntPtr finding_count;
            public IntPtr imputed;
            public UIntPtr imputed_count;
            public IntPtr unused_facts;
            public UIntPtr unused_fact_count;
            public double duration_s;
            public UIntPtr window_count;
            public double unused_s;
            public IntPtr source;
            public UIntPtr source_count;
            public long window_begin;
            public int quality;
            public IntPtr faults;
            public UIntPtr fault_count;
            public IntPtr out_of_range;
            public UIntPtr out_of_range_count;
            public int experience;
            public double experience_distance, experience_limit;
        }

        const string Name = "ecg2lab";  // libecg2lab.so, ecg2lab.dll
        const CallingConvention C = CallingConvention.Cdecl;

        [DllImport(Name, CallingConvention = C)] public static extern int ecg2lab_abi_version();
        [DllImport(Name, CallingConvention = C)] public static extern IntPtr ecg2lab_status_name(int status);
        [DllImport(Name, CallingConvention = C)] public static extern IntPtr ecg2lab_lead_verdict_name(int verdict);
        [DllImport(Name, CallingConvention = C)] public static extern IntPtr ecg2lab_quality_name(int quality);
        [DllImport(Name, CallingConvention = C)] public static extern IntPtr ecg2lab_last_error();
        [DllImport(Name, CallingConvention = C)] public static extern int ecg2lab_options_init(ref Options options, UIntPtr size);
        [DllImport(Name, CallingConvention = C)] public static extern int ecg2lab_recording_init(ref Recording recording, UIntPtr size);
        [DllImport(Name, CallingConvention = C)] public static extern int ecg2lab_patient_init(ref Patient patient, UIntPtr size);
        [DllImport(Name, CallingConvention = C)] public static extern int ecg2lab_load(IntPtr path, ref Options options, out ModelHandle model);
        [DllImport(Name, CallingConvention = C)] public static extern void ecg2lab_free(IntPtr model);
        [DllImport(Name, CallingConvention = C)] public static extern int ecg2lab_predict(ModelHandle model, ref Recording recording, ref Patient patient, out IntPtr result);
        [DllImport(Name, CallingConvention = C)] public static extern void ecg2lab_result_free(IntPtr result);
    }
}
