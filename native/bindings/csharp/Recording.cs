using System;
using System.Collections.Generic;

namespace Ecg2Lab
{
    /// <summary>In which order the samples of the leads stand in one array.</summary>
    public enum Layout
    {
        /// <summary>All samples of the first lead, then all of the second …</summary>
        LeadAfterLead,
        /// <summary>The first sample of every lead, then the second of every lead …, as most boards deliver them.</summary>
        SampleAfterSample,
    }

    /// <summary>An ECG in memory; or, without samples, what those of a stream will be.</summary>
    public sealed class Recording
    {
        readonly Array samples;
        readonly SampleType type;

        /// <summary>The array is not copied: it must not change until the call that is given the recording has returned,
        /// or its task has ended. NaN is a missing sample.</summary>
        public Recording(double[] samples) : this(samples, SampleType.Double) { }

        /// <summary>As above.</summary>
        public Recording(float[] samples) : this(samples, SampleType.Float) { }

        /// <summary>As above; <see cref="Missing"/> says which number is a missing sample.</summary>
        public Recording(short[] samples) : this(samples, SampleType.Int16) { }

        /// <summary>As above, such as those of 24-bit converters.</summary>
        public Recording(int[] samples) : this(samples, SampleType.Int32) { }

        /// <summary>What the samples of a stream will be.</summary>
        public Recording(SampleType type) { this.type = type; }

        Recording(Array samples, SampleType type)
        {
            if (samples == null) throw new ArgumentNullException("samples");
            this.samples = samples;
            this.type = type;
        }

        /// <summary>Their names, in any letter case and in the order of the samples.</summary>
        public IReadOnlyCollection<string> Leads { get; set; }

        /// <summary>Hz.</summary>
        public double SamplingRate { get; set; }

        /// <summary>There is no default: without one a recording is refused.</summary>
        public Unit Unit { get; set; }

        /// <summary>One lead after another by default.</summary>
        public Layout Layout { get; set; }

        /// <summary>Counts per millivolt for <see cref="Ecg2Lab.Unit.Adc"/>: one number, or one for each lead.</summary>
        public double[] Gain { get; set; }

        /// <summary>The count of zero volt, likewise; null: 0.</summary>
        public double[] Baseline { get; set; }

        /// <summary>The number that marks a missing sample among integers; null: none does.</summary>
        public int? Missing { get; set; }

        /// <summary>Whatever identifies the recording: carried to the result untouched, never logged.</summary>
        public IReadOnlyDictionary<string, string> Source { get; set; }

        internal Native.Recording Lend(Lent lent)
        {
            var to = new Native.Recording();
            Library.Check(Native.ecg2lab_recording_init(ref to, Memory.Size<Native.Recording>()));
            int leads = Leads == null ? 0 : Leads.Count;
            to.samples = lent.Array(samples);
            to.sample_type = (int)type;
            to.unit = (int)Unit;
            if (leads > 0) to.leads = lent.Texts(Leads);
            to.lead_count = (UIntPtr)leads;
            to.sample_count = (UIntPtr)(samples == null ? 0 : SamplesOfEach(samples));
            to.sampling_rate_hz = SamplingRate;
            if (Layout == Layout.SampleAfterSample)
            {
                to.lead_stride = (UIntPtr)1;
                to.sample_stride = (UIntPtr)leads;
            }
            to.buffer_bytes = (UIntPtr)(samples == null ? 0 : Buffer.ByteLength(samples));
            to.has_missing_code = Missing.HasValue ? 1 : 0;
            to.missing_code = Missing ?? 0;
            to.gain = lent.Array(Gain);
            to.gain_count = Length(Gain);
            to.baseline = lent.Array(Baseline);
            to.baseline_count = Length(Baseline);
            if (Source != null)
            {
                to.source = lent.Source(Source);
                to.source_count = (UIntPtr)Source.Count;
            }
            return to;
        }

        // How many samples of each lead an array has; one that is not the same for all would be read beyond its end.
        internal int SamplesOfEach(Array array)
        {
            int leads = Leads == null ? 0 : Leads.Count;
            if (leads == 0) return 0;
            if (array.Length % leads == 0) return array.Length / leads;
            throw new ArgumentException(array.Length + " samples are not the same number for each of " + leads + " leads");
        }

        internal SampleType Type { get { return type; } }

        static UIntPtr Length(Array numbers) { return (UIntPtr)(numbers == null ? 0 : numbers.Length); }
    }
}
