// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
using System;
using System.Collections.Generic;

namespace Ecg2Lab
{
    public enum Status
    {
        Ok = 0,
        /// <summary>A null pointer, a wrong struct size, an unknown code, a count beyond reason.</summary>
        ErrorArgument = 1,
        /// <summary>The file is missing, is no bundle, is damaged or of another version.</summary>
        ErrorBundle = 2,
        /// <summary>A precision or number of threads that cannot be had; a network that cannot answer.</summary>
        ErrorBackend = 3,
        /// <summary>Refused: leads, unit, rate or length of the recording.</summary>
        ErrorRecording = 4,
        /// <summary>Refused: a value is implausible, contradictory or missing, or the patient too young.</summary>
        ErrorPatient = 5,
        /// <summary>Refused: the ECG is not good enough to answer from.</summary>
        ErrorQuality = 6,
        ErrorMemory = 7,
        /// <summary>A fault of the library: please report it.</summary>
        ErrorInternal = 8,
        /// <summary>The call's deadline passed. This and the next since ABI version 4.</summary>
        ErrorDeadline = 9,
        ErrorCancelled = 10,
    }

    /// <summary>The enumerations of this header that grow. Since ABI version 4.</summary>
    public enum Enumeration
    {
        Status = 0,
        LeadVerdict = 1,
        Verdict = 2,
        Refusal = 3,
        Quality = 4,
        Fault = 5,
        Experience = 6,
    }

    public enum LogLevel
    {
        Info = 0,
        Warning = 1,
    }

    /// <summary>What becomes of a number about the patient outside the model's range, which is no
    /// measurement.</summary>
    public enum OutOfRange
    {
        Refuse = 0,
        /// <summary>It counts as not given, as in training, and the result names it.</summary>
        Impute = 1,
    }

    public enum Setting
    {
        /// <summary>Abnormal now: the value closest within plus or minus the horizon.</summary>
        Prediction = 0,
        /// <summary>Abnormal at some moment within the horizon.</summary>
        Forecasting = 1,
    }

    public enum SampleType
    {
        Float = 0,
        Double = 1,
        Int16 = 2,
        /// <summary>Since ABI version 3.</summary>
        Int32 = 3,
    }

    /// <summary>There is no default: a unit that was not set is refused, never guessed.</summary>
    public enum Unit
    {
        Microvolt = 1,
        Millivolt = 2,
        Volt = 3,
        /// <summary>Counts, with gain and baseline.</summary>
        Adc = 4,
    }

    public enum Sex
    {
        Unknown = -1,
        Female = 0,
        Male = 1,
    }

    public enum Race
    {
        Unknown = -1,
        Asian = 0,
        Black = 1,
        Hispanic = 2,
        Other = 3,
        White = 4,
    }

    public enum LeadVerdict
    {
        /// <summary>The recording was refused before.</summary>
        NotJudged = 0,
        Good = 1,
        /// <summary>Neither recorded nor to be derived from others.</summary>
        Missing = 2,
        /// <summary>Not a single value.</summary>
        Empty = 3,
        /// <summary>No value for as long as a window.</summary>
        Gap = 4,
        /// <summary>Every sample is the same.</summary>
        Flat = 5,
        /// <summary>More than half of the samples are beyond the clip limit.</summary>
        Clipped = 6,
        /// <summary>Another fault refuses it: see <c>faults</c> of the result.</summary>
        Faulty = 7,
    }

    public enum Refusal
    {
        None = 0,
        /// <summary>Its lead names, unit, rate or samples cannot be used.</summary>
        Recording = 1,
        MissingLeads = 2,
        TooShort = 3,
        /// <summary>This and the next three: of one lead at least.</summary>
        Empty = 4,
        Gap = 5,
        Flat = 6,
        Clipped = 7,
        /// <summary>No lead varies enough to be an ECG in the unit given.</summary>
        TooSmall = 8,
        Patient = 9,
        /// <summary>Another fault: the first in <c>faults</c> that refuses.</summary>
        Fault = 10,
    }

    /// <summary>What the quality gate thinks of a recording.</summary>
    public enum Quality
    {
        /// <summary>The recording was refused before.</summary>
        NotJudged = 0,
        Accepted = 1,
        /// <summary>Accepted; <c>faults</c> says what to know about it.</summary>
        Warnings = 2,
        Refused = 3,
    }

    /// <summary>What can be wrong with a lead or a recording; docs/quality.md defines the figures. The limits are the
    /// model's.</summary>
    public enum FaultCode
    {
        /// <summary>Seconds.</summary>
        TooShort = 1,
        /// <summary>Not a single value.</summary>
        Empty = 2,
        /// <summary>Seconds without values, without a break.</summary>
        Gap = 3,
        /// <summary>Share of the samples.</summary>
        Missing = 4,
        /// <summary>Share of the time: a disconnected lead.</summary>
        Flat = 5,
        /// <summary>Share of the samples, beyond the clip limit.</summary>
        Clipped = 6,
        /// <summary>mV: usual range of the leads in a second.</summary>
        TooSmall = 7,
        /// <summary>The same.</summary>
        TooLarge = 8,
        /// <summary>Share of the samples, at an end of the amplifier's range.</summary>
        Saturated = 9,
        /// <summary>mV, above 40 Hz and between the beats.</summary>
        Noise = 10,
        /// <summary>mV, peak to peak, of the baseline.</summary>
        Wander = 11,
        /// <summary>mV, amplitude at 50 or 60 Hz.</summary>
        Mains = 12,
        /// <summary>The signal quality indices.</summary>
        Bsqi = 13,
        Ksqi = 14,
        Ssqi = 15,
        Psqi = 16,
        Bassqi = 17,
        /// <summary>Difference from <c>other_lead</c>, relative.</summary>
        Duplicate = 18,
        /// <summary>Distance from what I and II say, relative.</summary>
        LimbAlgebra = 19,
        /// <summary>Correlation of I with V6.</summary>
        ArmReversal = 20,
        /// <summary>mV: usual height of spikes.</summary>
        Paced = 21,
    }

    /// <summary>What may be said of a target. Other words may come: treat what you do not know as no
    /// decision.</summary>
    public enum Verdict
    {
        /// <summary><c>reason</c> says why.</summary>
        NoDecision = 0,
        /// <summary>The probability is at or above the threshold.</summary>
        Flagged = 1,
        NotFlagged = 2,
        /// <summary>Below the threshold, and the conformal set holds both answers or neither.</summary>
        Unsure = 3,
        /// <summary>The recording is unlike what the model was trained on: nothing is decided.</summary>
        OutsideExperience = 4,
    }

    public enum Facts
    {
        /// <summary>Whatever the data had of what the model takes.</summary>
        All = 0,
        /// <summary>Age and sex alone.</summary>
        AgeAndSex = 1,
    }

    /// <summary>Whether the recording is one of those that the model knows.</summary>
    public enum Experience
    {
        /// <summary>Refused; or the model has no limit for so many windows and facts.</summary>
        NotJudged = 0,
        Inside = 1,
        /// <summary>Every verdict is ECG2LAB_OUTSIDE_EXPERIENCE; <c>reason</c> of each says why.</summary>
        Outside = 2,
    }

    /// <summary>What is known of a patient; null is not known.</summary>
    public sealed class Patient
    {
        public Sex? Sex { get; set; }
        public Race? Race { get; set; }
        public double? Age { get; set; }
        public double? RespiratoryPerMin { get; set; }
        public double? Spo2Percent { get; set; }
        public double? DiastolicMmhg { get; set; }
        public double? SystolicMmhg { get; set; }
        public double? HeartRateBpm { get; set; }
        public double? TemperatureC { get; set; }
        public double? TemperatureF { get; set; }
        public double? HeightCm { get; set; }
        public double? WeightKg { get; set; }
        public double? Bmi { get; set; }

        internal void Copy(ref Native.Patient to)
        {
            to.sex = (int)(Sex ?? Ecg2Lab.Sex.Unknown);
            to.race = (int)(Race ?? Ecg2Lab.Race.Unknown);
            to.age = Age ?? double.NaN;
            to.respiratory_per_min = RespiratoryPerMin ?? double.NaN;
            to.spo2_percent = Spo2Percent ?? double.NaN;
            to.diastolic_mmhg = DiastolicMmhg ?? double.NaN;
            to.systolic_mmhg = SystolicMmhg ?? double.NaN;
            to.heart_rate_bpm = HeartRateBpm ?? double.NaN;
            to.temperature_c = TemperatureC ?? double.NaN;
            to.temperature_f = TemperatureF ?? double.NaN;
            to.height_cm = HeightCm ?? double.NaN;
            to.weight_kg = WeightKg ?? double.NaN;
            to.bmi = Bmi ?? double.NaN;
        }

        /// <summary>A number by its name in ecg2lab.h, such as <c>spo2_percent</c>; false: there is no such.</summary>
        public bool TrySet(string name, double? value)
        {
            switch (name)
            {
                case "age": Age = value; return true;
                case "respiratory_per_min": RespiratoryPerMin = value; return true;
                case "spo2_percent": Spo2Percent = value; return true;
                case "diastolic_mmhg": DiastolicMmhg = value; return true;
                case "systolic_mmhg": SystolicMmhg = value; return true;
                case "heart_rate_bpm": HeartRateBpm = value; return true;
                case "temperature_c": TemperatureC = value; return true;
                case "temperature_f": TemperatureF = value; return true;
                case "height_cm": HeightCm = value; return true;
                case "weight_kg": WeightKg = value; return true;
                case "bmi": Bmi = value; return true;
                default: return false;
            }
        }
    }

    /// <summary>One code of an enumeration.</summary>
    public sealed class Code
    {
        public long Value { get; }
        /// <summary>As the _name functions give it.</summary>
        public string Name { get; }
        /// <summary>ABI version whose header has it first.</summary>
        public long Since { get; }
        /// <summary>What a program that does not know it takes it for; the code itself where there is nothing like
        /// it.</summary>
        public long Instead { get; }

        internal Code(Native.Code from)
        {
            Value = (long)from.code;
            Name = Memory.Text(from.name);
            Since = (long)from.since;
            Instead = (long)from.instead;
        }
    }

    public sealed class Parameter
    {
        public string Name { get; }
        /// <summary>A number is written as in <c>text</c>; names of leads and facts are those of this
        /// interface.</summary>
        public string Value { get; }

        internal Parameter(Native.Parameter from)
        {
            Name = Memory.Text(from.name);
            Value = Memory.Text(from.value);
        }
    }

    public sealed class Message
    {
        /// <summary>Such as "recording.missing_lead"; "other" where there is none: <c>text</c> is the one
        /// parameter.</summary>
        public string Code { get; }
        /// <summary>Such as "missing lead: {leads} (the recording has {recorded})".</summary>
        public string Pattern { get; }
        public string Text { get; }
        /// <summary>In the order of the pattern.</summary>
        public IReadOnlyList<Parameter> Parameters { get; }

        internal Message(Native.Message from)
        {
            Code = Memory.Text(from.code);
            Pattern = Memory.Text(from.pattern);
            Text = Memory.Text(from.text);
            Parameters = Memory.List(from.parameters, from.parameter_count, (Native.Parameter one) => new Parameter(one));
        }
    }

    public sealed class Check
    {
        /// <summary>"logits" or "features".</summary>
        public string Quantity { get; }
        /// <summary>Windows that were computed at once.</summary>
        public long Batch { get; }
        /// <summary>The largest; of logits absolute, or relative beyond 20; of features relative.</summary>
        public double Error { get; }
        public double Tolerance { get; }
        /// <summary>True: yes.</summary>
        public bool Passed { get; }

        internal Check(Native.Check from)
        {
            Quantity = Memory.Text(from.quantity);
            Batch = (long)from.batch;
            Error = from.error;
            Tolerance = from.tolerance;
            Passed = from.passed == 1;
        }
    }

    public sealed class SelftestReport
    {
        /// <summary>What ecg2lab_selftest returned.</summary>
        public Status Status { get; }
        /// <summary><c>Status</c> in the library's words, a newer one's too.</summary>
        public string StatusWord { get; }
        /// <summary>True: yes.</summary>
        public bool Passed { get; }
        /// <summary>Empty if it passed.</summary>
        public string Message { get; }
        /// <summary>Golden windows.</summary>
        public long WindowCount { get; }
        public string Precision { get; }
        public string InstructionSet { get; }
        public long Threads { get; }
        public IReadOnlyList<Check> Checks { get; }
        /// <summary><c>message</c> by code and parameters.</summary>
        public IReadOnlyList<Message> Messages { get; }

        internal SelftestReport(Native.SelftestReport from)
        {
            Status = (Status)from.status;
            StatusWord = Memory.Text(Native.ecg2lab_status_name(from.status));
            Passed = from.passed == 1;
            Message = Memory.Text(from.message);
            WindowCount = (long)from.window_count;
            Precision = Memory.Text(from.precision);
            InstructionSet = Memory.Text(from.instruction_set);
            Threads = (long)from.threads;
            Checks = Memory.List(from.checks, from.check_count, (Native.Check one) => new Check(one));
            Messages = Memory.List(from.messages, from.message_count, (Native.Message one) => new Message(one));
        }
    }

    /// <summary>One output: potassium &gt; 5.1 mEq/L.</summary>
    public sealed class Target
    {
        public string Name { get; }
        /// <summary>Null: the model does not say what the target means, and the next six say nothing.</summary>
        public string Lab { get; }
        /// <summary>Null: none.</summary>
        public string Loinc { get; }
        /// <summary>Empty for a dimensionless quantity.</summary>
        public string Unit { get; }
        /// <summary>"&lt;", "&lt;=", "&gt;" or "&gt;=".</summary>
        public string Comparison { get; }
        public double Limit { get; }
        public Setting Setting { get; }
        public long HorizonMin { get; }
        public string Category { get; }
        /// <summary>Calibrated probability from which it is flagged in a recording with all facts; a finding has its
        /// own. NaN: never.</summary>
        public double DecisionThreshold { get; }

        internal Target(Native.Target from)
        {
            Name = Memory.Text(from.name);
            Lab = Memory.Text(from.lab);
            Loinc = Memory.Text(from.loinc);
            Unit = Memory.Text(from.unit);
            Comparison = Memory.Text(from.comparison);
            Limit = from.limit;
            Setting = (Setting)from.setting;
            HorizonMin = (long)from.horizon_min;
            Category = Memory.Text(from.category);
            DecisionThreshold = from.decision_threshold;
        }
    }

    /// <summary>One number about the patient.</summary>
    public sealed class Number
    {
        public string Name { get; }
        public string Unit { get; }
        /// <summary>A value outside is refused, or counts as missing: see ecg2lab_options.</summary>
        public double Minimum { get; }
        public double Maximum { get; }
        /// <summary>In place of a missing value; NaN: the value must be given.</summary>
        public double Median { get; }

        internal Number(Native.Number from)
        {
            Name = Memory.Text(from.name);
            Unit = Memory.Text(from.unit);
            Minimum = from.minimum;
            Maximum = from.maximum;
            Median = from.median;
        }
    }

    /// <summary>One category of the patient.</summary>
    public sealed class Category
    {
        public string Name { get; }
        public IReadOnlyList<string> Words { get; }
        /// <summary>Index of the word in place of a missing one; -1: it must be given.</summary>
        public long MissingCode { get; }

        internal Category(Native.Category from)
        {
            Name = Memory.Text(from.name);
            Words = Memory.Texts(from.words, from.word_count);
            MissingCode = (long)from.missing_code;
        }
    }

    public sealed class Description
    {
        public string Name { get; }
        /// <summary>Goes with every answer.</summary>
        public string Notice { get; }
        /// <summary>SHA-256, 64 hexadecimal digits.</summary>
        public string BundleDigest { get; }
        /// <summary>That computes.</summary>
        public string Precision { get; }
        /// <summary>That computes, such as "avx2".</summary>
        public string InstructionSet { get; }
        public long Threads { get; }
        /// <summary>True yes, false no, null not stated.</summary>
        public bool? SyntheticWeights { get; }
        /// <summary>True: looks back only.</summary>
        public bool Causal { get; }
        /// <summary>In the network's order.</summary>
        public IReadOnlyList<string> Leads { get; }
        public double SamplingRateHz { get; }
        /// <summary>At that rate: a recording must be at least as long.</summary>
        public long WindowSamples { get; }
        public double ClipMv { get; }
        /// <summary>Years; a younger patient is refused.</summary>
        public double MinimumAge { get; }
        public IReadOnlyList<Number> Numbers { get; }
        public IReadOnlyList<Category> Categories { get; }
        public IReadOnlyList<Target> Targets { get; }

        internal Description(Native.Description from)
        {
            Name = Memory.Text(from.name);
            Notice = Memory.Text(from.notice);
            BundleDigest = Memory.Text(from.bundle_digest);
            Precision = Memory.Text(from.precision);
            InstructionSet = Memory.Text(from.instruction_set);
            Threads = (long)from.threads;
            SyntheticWeights = from.synthetic_weights < 0 ? (bool?)null : from.synthetic_weights == 1;
            Causal = from.causal == 1;
            Leads = Memory.Texts(from.leads, from.lead_count);
            SamplingRateHz = from.sampling_rate_hz;
            WindowSamples = (long)from.window_samples;
            ClipMv = from.clip_mv;
            MinimumAge = from.minimum_age;
            Numbers = Memory.List(from.numbers, from.number_count, (Native.Number one) => new Number(one));
            Categories = Memory.List(from.categories, from.category_count, (Native.Category one) => new Category(one));
            Targets = Memory.List(from.targets, from.target_count, (Native.Target one) => new Target(one));
        }
    }

    /// <summary>Whatever identifies the recording (patient, order, device): carried to the result untouched, never
    /// logged.</summary>
    public sealed class SourceField
    {
        public string Name { get; }
        public string Value { get; }

        internal SourceField(Native.SourceField from)
        {
            Name = Memory.Text(from.name);
            Value = Memory.Text(from.value);
        }
    }

    public sealed class Fault
    {
        public FaultCode Code { get; }
        /// <summary>True: it refuses the recording; false: a warning.</summary>
        public bool Refuses { get; }
        /// <summary>Such as "wander".</summary>
        public string Name { get; }
        /// <summary>Null: of the whole recording.</summary>
        public string Lead { get; }
        /// <summary>Of a duplicate; else null.</summary>
        public string OtherLead { get; }
        public double Measured { get; }
        public double Limit { get; }
        /// <summary>In words.</summary>
        public string Message { get; }
        /// <summary>The same by code and parameters. Since ABI version 4.</summary>
        public Message Said { get; }

        internal Fault(Native.Fault from)
        {
            Code = (FaultCode)from.code;
            Refuses = from.refuses == 1;
            Name = Memory.Text(from.name);
            Lead = Memory.Text(from.lead);
            OtherLead = Memory.Text(from.other_lead);
            Measured = from.measured;
            Limit = from.limit;
            Message = Memory.Text(from.message);
            Said = Memory.One(from.said, (Native.Message one) => new Message(one));
        }
    }

    public sealed class Lead
    {
        public string Name { get; }
        public LeadVerdict Verdict { get; }
        /// <summary><c>Verdict</c> in the library's words, a newer one's too.</summary>
        public string VerdictWord { get; }
        /// <summary>True: computed from two other limb leads.</summary>
        public bool Derived { get; }
        /// <summary>At the recording's rate, interpolated.</summary>
        public long MissingSamples { get; }
        public long ClippedSamples { get; }
        /// <summary>Missing samples without a break.</summary>
        public long LongestGap { get; }
        public double PeakToPeakMv { get; }
        /// <summary>What the quality gate measured, as docs/quality.md defines it; NaN: it could not be
        /// measured.</summary>
        public double FlatShare { get; }
        public double SaturatedShare { get; }
        public double NoiseMv { get; }
        public double WanderMv { get; }
        public double MainsMv { get; }
        public double Bsqi { get; }
        public double Ksqi { get; }
        public double Ssqi { get; }
        public double Psqi { get; }
        public double Bassqi { get; }

        internal Lead(Native.Lead from)
        {
            Name = Memory.Text(from.name);
            Verdict = (LeadVerdict)from.verdict;
            VerdictWord = Memory.Text(Native.ecg2lab_lead_verdict_name(from.verdict));
            Derived = from.derived == 1;
            MissingSamples = (long)from.missing_samples;
            ClippedSamples = (long)from.clipped_samples;
            LongestGap = (long)from.longest_gap;
            PeakToPeakMv = from.peak_to_peak_mv;
            FlatShare = from.flat_share;
            SaturatedShare = from.saturated_share;
            NoiseMv = from.noise_mv;
            WanderMv = from.wander_mv;
            MainsMv = from.mains_mv;
            Bsqi = from.bsqi;
            Ksqi = from.ksqi;
            Ssqi = from.ssqi;
            Psqi = from.psqi;
            Bassqi = from.bassqi;
        }
    }

    /// <summary>A share as it was measured, with its 95 % interval; NaN: it could not be.</summary>
    public sealed class Measured
    {
        public double Value { get; }
        public double Low { get; }
        public double High { get; }

        internal Measured(Native.Measured from)
        {
            Value = from.value;
            Low = from.low;
            High = from.high;
        }
    }

    /// <summary>The setting in which a threshold was measured, and what it was worth there.</summary>
    public sealed class OperatingPoint
    {
        /// <summary>Over which the probability is a mean.</summary>
        public long Windows { get; }
        public Facts Facts { get; }
        /// <summary>NaN: none; <c>reason</c> of the finding says why.</summary>
        public double Threshold { get; }
        /// <summary>That it was measured on.</summary>
        public long Patients { get; }
        /// <summary>Recordings.</summary>
        public long Positives { get; }
        public long Negatives { get; }
        /// <summary>Share of positives: the base rate, at which PPV and NPV hold; NaN: unknown.</summary>
        public double Prevalence { get; }
        public Measured Sensitivity { get; }
        public Measured Specificity { get; }
        /// <summary>Share of right ones among the flags.</summary>
        public Measured Ppv { get; }
        public Measured Npv { get; }
        /// <summary>Of the conformal set by which a target is unsure: the share of either class whose set lacks the
        /// true answer at most; NaN: there is none.</summary>
        public double ConformalError { get; }
        /// <summary>Share of the positives whose set holds the true answer.</summary>
        public Measured CoveragePositive { get; }
        public Measured CoverageNegative { get; }
        /// <summary>Share of recordings that are.</summary>
        public Measured Unsure { get; }

        internal OperatingPoint(Native.OperatingPoint from)
        {
            Windows = (long)from.windows;
            Facts = (Facts)from.facts;
            Threshold = from.threshold;
            Patients = (long)from.patients;
            Positives = (long)from.positives;
            Negatives = (long)from.negatives;
            Prevalence = from.prevalence;
            Sensitivity = new Measured(from.sensitivity);
            Specificity = new Measured(from.specificity);
            Ppv = new Measured(from.ppv);
            Npv = new Measured(from.npv);
            ConformalError = from.conformal_error;
            CoveragePositive = new Measured(from.coverage_positive);
            CoverageNegative = new Measured(from.coverage_negative);
            Unsure = new Measured(from.unsure);
        }
    }

    public sealed class Finding
    {
        public Target Target { get; }
        /// <summary>Mean over the windows, calibrated where the contract has a calibration.</summary>
        public double Probability { get; }
        /// <summary>Of the single windows.</summary>
        public double Lowest { get; }
        public double Highest { get; }
        /// <summary>NaN: none.</summary>
        public double DecisionThreshold { get; }
        /// <summary>True flagged, false not flagged, null nothing was decided.</summary>
        public bool? Detected { get; }
        public Verdict Verdict { get; }
        /// <summary><c>Verdict</c> in the library's words, a newer one's too.</summary>
        public string VerdictWord { get; }
        /// <summary>Why it is neither flagged nor not flagged; null: it is one of them.</summary>
        public string Reason { get; }
        /// <summary>Share of positives where the decision was measured; NaN: not stated.</summary>
        public double BaseRate { get; }
        /// <summary>Of the probability to the base rate; NaN likewise.</summary>
        public double Ratio { get; }
        /// <summary>By which the threshold was chosen, such as "specificity=0.9"; null: not stated.</summary>
        public string Rule { get; }
        /// <summary>That holds for this answer; null: none, or an unknown one.</summary>
        public OperatingPoint OperatingPoint { get; }
        /// <summary><c>reason</c> by code and parameters, one for each reason. This and the next since ABI version
        /// 4.</summary>
        public IReadOnlyList<Message> Reasons { get; }

        internal Finding(Native.Finding from)
        {
            Target = Memory.One(from.target, (Native.Target one) => new Target(one));
            Probability = from.probability;
            Lowest = from.lowest;
            Highest = from.highest;
            DecisionThreshold = from.decision_threshold;
            Detected = from.detected < 0 ? (bool?)null : from.detected == 1;
            Verdict = (Verdict)from.verdict;
            VerdictWord = Memory.Text(Native.ecg2lab_verdict_name(from.verdict));
            Reason = Memory.Text(from.reason);
            BaseRate = from.base_rate;
            Ratio = from.ratio;
            Rule = Memory.Text(from.rule);
            OperatingPoint = Memory.One(from.operating_point, (Native.OperatingPoint one) => new OperatingPoint(one));
            Reasons = Memory.List(from.reasons, from.reason_count, (Native.Message one) => new Message(one));
        }
    }

    /// <summary>An input that was not given, and what stood in for it.</summary>
    public sealed class Imputed
    {
        public string Name { get; }
        /// <summary>NaN for a category.</summary>
        public double Number { get; }
        /// <summary>Null for a number.</summary>
        public string Word { get; }

        internal Imputed(Native.Imputed from)
        {
            Name = Memory.Text(from.name);
            Number = from.number;
            Word = Memory.Text(from.word);
        }
    }

    /// <summary>How much higher the answer stands with a part of the input than without it, calibrated. Since ABI
    /// version 4.</summary>
    public sealed class Effect
    {
        /// <summary>Name of the lead or the fact; "ECG" or "patient" of all together.</summary>
        public string Part { get; }
        public double Logit { get; }
        public double Probability { get; }

        internal Effect(Native.Effect from)
        {
            Part = Memory.Text(from.part);
            Logit = from.logit;
            Probability = from.probability;
        }
    }

    /// <summary>The same of a stretch of time, in all leads.</summary>
    public sealed class SegmentEffect
    {
        /// <summary>From the beginning of the recording.</summary>
        public double StartS { get; }
        public double EndS { get; }
        public double Logit { get; }
        public double Probability { get; }

        internal SegmentEffect(Native.SegmentEffect from)
        {
            StartS = from.start_s;
            EndS = from.end_s;
            Logit = from.logit;
            Probability = from.probability;
        }
    }

    /// <summary>What the answer for one target rests on. It describes the network, not the patient.</summary>
    public sealed class Explanation
    {
        public Target Target { get; }
        /// <summary>Of the finding: calibrated, over all windows.</summary>
        public double Logit { get; }
        public double Probability { get; }
        /// <summary>In the model's order.</summary>
        public IReadOnlyList<Effect> Leads { get; }
        /// <summary>Side by side over all windows.</summary>
        public IReadOnlyList<SegmentEffect> Segments { get; }
        /// <summary>That were given and that the model uses.</summary>
        public IReadOnlyList<Effect> Facts { get; }
        /// <summary>All leads together.</summary>
        public Effect Ecg { get; }
        /// <summary>All facts together; null: the model cannot do without one of them.</summary>
        public Effect Patient { get; }
        /// <summary>Facts that the model cannot do without: their effect is not known.</summary>
        public IReadOnlyList<string> NotRemovable { get; }

        internal Explanation(Native.Explanation from)
        {
            Target = Memory.One(from.target, (Native.Target one) => new Target(one));
            Logit = from.logit;
            Probability = from.probability;
            Leads = Memory.List(from.leads, from.lead_count, (Native.Effect one) => new Effect(one));
            Segments = Memory.List(from.segments, from.segment_count, (Native.SegmentEffect one) => new SegmentEffect(one));
            Facts = Memory.List(from.facts, from.fact_count, (Native.Effect one) => new Effect(one));
            Ecg = Memory.One(from.ecg, (Native.Effect one) => new Effect(one));
            Patient = Memory.One(from.patient, (Native.Effect one) => new Effect(one));
            NotRemovable = Memory.Texts(from.not_removable, from.not_removable_count);
        }
    }

    public sealed class Result
    {
        /// <summary>What the call that made it returned.</summary>
        public Status Status { get; }
        /// <summary><c>Status</c> in the library's words, a newer one's too.</summary>
        public string StatusWord { get; }
        public Refusal Refusal { get; }
        /// <summary><c>Refusal</c> in the library's words, a newer one's too.</summary>
        public string RefusalWord { get; }
        /// <summary>Why it was refused; empty if it was not.</summary>
        public string Message { get; }
        public string Notice { get; }
        public string ModelName { get; }
        public string BundleDigest { get; }
        /// <summary>Those of the model, in its order.</summary>
        public IReadOnlyList<Lead> Leads { get; }
        /// <summary>None if refused; else one for each target, in the model's order.</summary>
        public IReadOnlyList<Finding> Findings { get; }
        public IReadOnlyList<Imputed> Imputed { get; }
        /// <summary>Names of facts that were given and that the model does not use.</summary>
        public IReadOnlyList<string> UnusedFacts { get; }
        public double DurationS { get; }
        public long WindowCount { get; }
        /// <summary>At the end, shorter than a window.</summary>
        public double UnusedS { get; }
        public IReadOnlyList<SourceField> Source { get; }
        /// <summary>Of a stream: number of the window's first sample, at the model's rate, since the stream began; else
        /// 0.</summary>
        public long WindowBegin { get; }
        public Quality Quality { get; }
        /// <summary><c>Quality</c> in the library's words, a newer one's too.</summary>
        public string QualityWord { get; }
        /// <summary>Of the quality gate, whatever the answer: in the order of their codes, then of the leads.</summary>
        public IReadOnlyList<Fault> Faults { get; }
        /// <summary>Names of facts that were given and count as not given: see ecg2lab_options.</summary>
        public IReadOnlyList<string> OutOfRange { get; }
        public Experience Experience { get; }
        /// <summary><c>Experience</c> in the library's words, a newer one's too.</summary>
        public string ExperienceWord { get; }
        /// <summary>From what the model was trained on; NaN: it was not measured.</summary>
        public double ExperienceDistance { get; }
        /// <summary>Beyond which a recording is outside; NaN: none.</summary>
        public double ExperienceLimit { get; }
        /// <summary><c>message</c> by code and parameters: one for each thing that is wrong. This and the rest since
        /// ABI version 4.</summary>
        public IReadOnlyList<Message> Messages { get; }
        /// <summary>Of ecg2lab_explain; else none.</summary>
        public IReadOnlyList<Explanation> Explanations { get; }
        /// <summary>As <c>ecg2lab_result_json</c> gives it.</summary>
        public string Json { get; }

        internal Result(Native.Result from, IntPtr at)
        {
            Status = (Status)from.status;
            StatusWord = Memory.Text(Native.ecg2lab_status_name(from.status));
            Refusal = (Refusal)from.refusal;
            RefusalWord = Memory.Text(Native.ecg2lab_refusal_name(from.refusal));
            Message = Memory.Text(from.message);
            Notice = Memory.Text(from.notice);
            ModelName = Memory.Text(from.model_name);
            BundleDigest = Memory.Text(from.bundle_digest);
            Leads = Memory.List(from.leads, from.lead_count, (Native.Lead one) => new Lead(one));
            Findings = Memory.List(from.findings, from.finding_count, (Native.Finding one) => new Finding(one));
            Imputed = Memory.List(from.imputed, from.imputed_count, (Native.Imputed one) => new Imputed(one));
            UnusedFacts = Memory.Texts(from.unused_facts, from.unused_fact_count);
            DurationS = from.duration_s;
            WindowCount = (long)from.window_count;
            UnusedS = from.unused_s;
            Source = Memory.List(from.source, from.source_count, (Native.SourceField one) => new SourceField(one));
            WindowBegin = (long)from.window_begin;
            Quality = (Quality)from.quality;
            QualityWord = Memory.Text(Native.ecg2lab_quality_name(from.quality));
            Faults = Memory.List(from.faults, from.fault_count, (Native.Fault one) => new Fault(one));
            OutOfRange = Memory.Texts(from.out_of_range, from.out_of_range_count);
            Experience = (Experience)from.experience;
            ExperienceWord = Memory.Text(Native.ecg2lab_experience_name(from.experience));
            ExperienceDistance = from.experience_distance;
            ExperienceLimit = from.experience_limit;
            Messages = Memory.List(from.messages, from.message_count, (Native.Message one) => new Message(one));
            Explanations = Memory.List(from.explanations, from.explanation_count, (Native.Explanation one) => new Explanation(one));
            Json = Memory.Text(Native.ecg2lab_result_json(at));
        }
    }

    public sealed class StreamLead
    {
        public string Name { get; }
        /// <summary>True: computed from two other limb leads.</summary>
        public bool Derived { get; }
        /// <summary>True: without values for <c>longest_gap_s</c> until now.</summary>
        public bool Off { get; }
        /// <summary>So far, at the recorded rate.</summary>
        public long MissingSamples { get; }
        public long ClippedSamples { get; }
        public long LongestGap { get; }

        internal StreamLead(Native.StreamLead from)
        {
            Name = Memory.Text(from.name);
            Derived = from.derived == 1;
            Off = from.off == 1;
            MissingSamples = (long)from.missing_samples;
            ClippedSamples = (long)from.clipped_samples;
            LongestGap = (long)from.longest_gap;
        }
    }

    public sealed class StreamState
    {
        /// <summary>Of each lead.</summary>
        public long ReceivedSamples { get; }
        /// <summary>That are certain, at the model's rate.</summary>
        public long PreparedSamples { get; }
        /// <summary>That must follow an instant, at the recorded rate, before it is certain.</summary>
        public long LookAheadSamples { get; }
        /// <summary>Answers that ecg2lab_stream_next has.</summary>
        public long Due { get; }
        /// <summary>Those of the model, in its order.</summary>
        public IReadOnlyList<StreamLead> Leads { get; }

        internal StreamState(Native.StreamState from)
        {
            ReceivedSamples = (long)from.received_samples;
            PreparedSamples = (long)from.prepared_samples;
            LookAheadSamples = (long)from.look_ahead_samples;
            Due = (long)from.due;
            Leads = Memory.List(from.leads, from.lead_count, (Native.StreamLead one) => new StreamLead(one));
        }
    }
}
