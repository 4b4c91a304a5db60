// What a program may rely on in Ecg2Lab.dll, printed line by line; Behaviours.java prints the same.
// Arguments: a bundle, and 12 leads of 5000 samples each as 16-bit microvolt, one lead after another; the bundle
// with a golden window that is wrong.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Ecg2Lab;

static class Behaviours
{
    static readonly string[] Leads = { "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6" };
    const int Count = 5000;
    static short[] samples;

    static void Say(string name, object value)
    {
        Console.Out.Write(name + ": " + string.Format(CultureInfo.InvariantCulture, "{0}", value) + "\n");
    }

    static string Number(double value) { return value.ToString("F7", CultureInfo.InvariantCulture); }

    static string First(Result result) { return Number(result.Findings[0].Probability); }

    static Recording With(Recording recording, Unit unit)
    {
        recording.Leads = Leads;
        recording.SamplingRate = 500;
        recording.Unit = unit;
        return recording;
    }

    static Recording Plain() { return With(new Recording(samples), Unit.Microvolt); }

    static short[] Interleaved()
    {
        return Enumerable.Range(0, 12 * Count).Select(i => samples[i % 12 * Count + i / 12]).ToArray();
    }

    static string Refused(Action action)
    {
        try { action(); }
        catch (ArgumentNullException) { return "null"; }
        catch (ArgumentException error) { return "argument: " + error.Message.Split('\n')[0]; }
        catch (ObjectDisposedException) { return "closed"; }
        catch (TimeoutException) { return "too late"; }
        catch (OperationCanceledException) { return "cancelled"; }
        catch (RefusedException error) { return Library.NameOf(error.Status) + ": " + error.Message; }
        catch (Ecg2LabException error) { return Library.NameOf(error.Status) + ": " + error.Message; }
        return "answered";
    }

    static void Samples(Model model)
    {
        Say("int16", First(model.Predict(Plain())));
        Say("int32", First(model.Predict(With(new Recording(samples.Select(x => (int)x).ToArray()), Unit.Microvolt))));
        Say("float", First(model.Predict(With(new Recording(samples.Select(x => (float)x).ToArray()), Unit.Microvolt))));
        Say("double", First(model.Predict(With(new Recording(samples.Select(x => x / 1000.0).ToArray()), Unit.Millivolt))));
        Recording interleaved = With(new Recording(Interleaved()), Unit.Microvolt);
        interleaved.Layout = Layout.SampleAfterSample;
        Say("interleaved", First(model.Predict(interleaved)));
        Recording counts = With(new Recording(samples.Select(x => (short)(x / 5 + 100)).ToArray()), Unit.Adc);
        counts.Gain = new[] { 200.0 };
        counts.Baseline = Enumerable.Repeat(100.0, 12).ToArray();
        Say("counts", First(model.Predict(counts)));
        Recording holes = With(new Recording(samples.Select((x, i) => i == 77 ? short.MinValue : x).ToArray()), Unit.Microvolt);
        holes.Missing = short.MinValue;
        Say("missing", model.Predict(holes).Leads.Sum(lead => lead.MissingSamples));
        Say("patient", First(model.Predict(Plain(), new Patient { Age = 63, Sex = Sex.Female, Spo2Percent = 97 })));
    }

    static void Mistakes(Model model, string bundle)
    {
        Say("one too few", Refused(() => model.Predict(With(new Recording(samples.Skip(1).ToArray()), Unit.Microvolt))));
        Say("no unit", Refused(() => model.Predict(With(new Recording(samples), 0))));
        Recording nameless = Plain();
        nameless.Leads = null;
        Say("no leads", Refused(() => model.Predict(nameless)));
        Recording gains = With(new Recording(samples), Unit.Adc);
        gains.Gain = new[] { 200.0, 200.0 };
        Say("two gains", Refused(() => model.Predict(gains)));
        Say("age", Refused(() => model.Predict(Plain(), new Patient { Age = 400 })));
        Say("zero in a text", Refused(() => new Model("model\0.ecg2lab")));
        Say("no bundle", Refused(() => new Model("absent.ecg2lab")));
        Say("threads", Refused(() => new Model(bundle, new Options { Threads = -1 })));
        Say("no bytes", Refused(() => Model.Load(new byte[0])));
        Say("unknown target", Refused(() => model.Explain(Plain(), targets: new[] { "nonsense" })));
    }

    static void Answers(Model model)
    {
        Recording recording = Plain();
        recording.Source = new Dictionary<string, string> { { "order", "Ä 7" } };
        Result result = model.Predict(recording);
        Say("json", result.Json);
        Say("source", result.Source[0].Name + "=" + result.Source[0].Value);
        Say("quality", result.Quality.ToString().ToLowerInvariant() + " " + result.QualityWord);
        Say("target", result.Findings[0].Target.Name + " " + result.Findings[0].Target.HorizonMin);
        Say("imputed", string.Join(" ", result.Imputed.Select(one => one.Name)));
        Say("lead", result.Leads[0].Name + " " + Number(result.Leads[0].PeakToPeakMv) + " " + Number(result.Leads[0].Bsqi));
        Description description = model.Description;
        Say("described", description.Name + " " + description.Leads.Count + " " + description.Targets.Count + " " +
            description.WindowSamples + " " + (description.SyntheticWeights == true ? "synthetic" : "real"));
        Say("words", string.Join(" ", description.Categories[0].Words));
    }

    static void Refusals(Model model)
    {
        var flat = (short[])samples.Clone();
        for (int i = 0; i < Count; ++i) flat[3 * Count + i] = 250;
        try
        {
            model.Predict(With(new Recording(flat), Unit.Microvolt));
        }
        catch (RefusedException error)
        {
            Say("refused", Library.NameOf(error.Status) + " " + error.Result.Refusal.ToString().ToUpperInvariant());
            Say("sentence", error.Message);
            foreach (Fault fault in error.Result.Faults.Where(fault => fault.Refuses)) Say("fault", fault.Name + " " + fault.Lead);
            Say("electrodes", string.Join(" ", error.Result.Leads.Where(one => one.Verdict != LeadVerdict.Good).Select(one => one.Name)));
            Say("no findings", error.Result.Findings.Count);
            foreach (Message message in error.Messages) Say("message", Told(message));
            Say("said", Told(error.Result.Faults[0].Said));
        }
        Result judged = model.Judge(With(new Recording(flat), Unit.Microvolt));
        Say("judged", Library.NameOf(judged.Status) + " " + judged.QualityWord + " " + Bad(judged) + " " + judged.Findings.Count);
        judged = model.Judge(Plain());
        Say("judged", Library.NameOf(judged.Status) + " " + judged.QualityWord + " " + Bad(judged) + " " + judged.Findings.Count);
        try { model.Predict(Plain(), new Patient { Age = 400, Spo2Percent = 1 }); }
        catch (RefusedException error) { foreach (Message message in error.Messages) Say("of facts", Told(message)); }
        try { new Model("absent.ecg2lab"); }
        catch (Ecg2LabException error) { foreach (Message message in error.Messages) Say("uncoded", message.Code + " " + message.Text); }
        foreach (Message reason in model.Predict(Plain()).Findings[0].Reasons) Say("reason", Told(reason));
    }

    static string Bad(Result result)
    {
        return string.Join(" ", result.Leads.Where(one => one.Verdict != LeadVerdict.Good).Select(one => one.Name + " " + one.VerdictWord));
    }

    // By code, with the words put together from pattern and parameters.
    static string Told(Message message)
    {
        string text = message.Pattern;
        foreach (Parameter parameter in message.Parameters) text = text.Replace("{" + parameter.Name + "}", parameter.Value);
        return message.Code + (text == message.Text ? " " : " not ") + text;
    }

    static void Catalogues()
    {
        foreach (Enumeration enumeration in Enum.GetValues(typeof(Enumeration)))
        {
            foreach (Code code in Library.Codes(enumeration))
            {
                Say("codes " + (int)enumeration, code.Value + " " + code.Name + " " + code.Since + " " + code.Instead);
            }
        }
        Say("no codes", Library.Codes((Enumeration)99).Count);
        foreach (Message message in Library.Messages())
        {
            Say("to translate", message.Code + " " + string.Join(" ", message.Parameters.Select(one => one.Name)));
        }
    }

    static void Memories(string bundle, string wrong)
    {
        using (var model = Model.Load(File.ReadAllBytes(bundle))) Say("from bytes", First(model.Predict(Plain())));
        using (var file = File.OpenRead(bundle))
        using (var model = Model.Load(file, name: "resource"))
        {
            Say("from a stream", First(model.Predict(Plain())) + " " + model.Predict(Plain()).Json.Contains("\"bundle\":\"resource\""));
            SelftestReport report = model.Selftest();
            Say("selftest", report.Passed + " " + report.WindowCount + " " + report.Checks.All(check => check.Error <= check.Tolerance));
        }
        using (var model = new Model(wrong))
        {
            try { model.Selftest(); }
            catch (SelftestException error)
            {
                Say("failed selftest", Library.NameOf(error.Status) + " " + Told(error.Messages[0]));
                Say("checks", error.Report.Passed + " " + error.Report.Checks.Count(check => !check.Passed));
            }
        }
    }

    static void Explanations(Model model)
    {
        string[] targets = { model.Description.Targets[3].Name, model.Description.Targets[0].Name };
        Result result = model.Explain(Plain(), new Patient { Age = 63, Sex = Sex.Female }, targets, segment: 0.5);
        Say("explained", result.Findings.Count + " " + First(result));
        foreach (Explanation one in result.Explanations)
        {
            IEnumerable<double> effects = one.Leads.Select(effect => effect.Probability)
                .Concat(one.Segments.Select(effect => effect.Probability)).Concat(one.Facts.Select(effect => effect.Probability))
                .Concat(new[] { one.Ecg.Probability, one.Patient == null ? double.NaN : one.Patient.Probability });
            Say("explanation", one.Target.Name + " " + string.Join(" ", effects.Select(Number)));
            Say("facts", string.Join(" ", one.Facts.Select(effect => effect.Part)) + "; " + string.Join(" ", one.NotRemovable));
        }
        Say("every target", model.ExplainAsync(Plain(), segment: 2.5).Result.Explanations.Count);
    }

    static void Limits(Model model)
    {
        TimeSpan long_ = TimeSpan.FromHours(1), none = TimeSpan.Zero;
        var running = new CancellationTokenSource();
        Say("in time", Refused(() => model.Predict(Plain(), null, running.Token, long_)));
        Say("without end", Refused(() => model.Predict(Plain(), timeout: Timeout.InfiniteTimeSpan)));
        Say("no time", Refused(() => model.Predict(Plain(), timeout: none)) + " " + Refused(() => model.Selftest(timeout: none)));
        Say("too long", Refused(() => model.Explain(Plain(), segment: 0.01, timeout: TimeSpan.FromMilliseconds(20))));
        Say("negative", Refused(() => model.Predict(Plain(), timeout: TimeSpan.FromSeconds(-5))).StartsWith("argument"));
        Task<Result> asked = model.ExplainAsync(Plain(), segment: 0.01, cancellation: running.Token);
        var also = new Thread(() => Say("stopped", Refused(() => model.Explain(Plain(), null, null, 0.01, running.Token))));
        also.Start();
        Thread.Sleep(50);
        running.Cancel();
        also.Join();
        Say("stopped later", Refused(() => asked.GetAwaiter().GetResult()) + " " + asked.IsCanceled);
        Say("stopped before", Refused(() => model.Predict(Plain(), null, running.Token)));
        Say("usable", First(model.Predict(Plain())));
    }

    // Windows of one stream, and of others that went on with its state.
    static void Saved(Model model)
    {
        Func<EcgStream> open = () => model.Open(With(new Recording(SampleType.Int16), Unit.Microvolt), hop: 0.5);
        short[] half = Enumerable.Range(0, 12).SelectMany(lead => samples.Skip(lead * Count).Take(Count / 2)).ToArray();
        EcgStream first = open(), second = open();
        first.Push(half);
        foreach (Result result in first.Due()) Say("before saving", result.WindowBegin);
        first.Push(half);
        Say("window that has no time", Refused(() => first.Next(timeout: TimeSpan.Zero)) + " " + first.State.Due);
        byte[] state = first.Save();
        second.Restore(state);
        state[state.Length / 2] ^= 1;
        Say("damaged state", Refused(() => second.Restore(state)));
        first.Finish();
        second.Finish();
        foreach (Result result in first.Due()) Say("saved", result.WindowBegin + " " + First(result));
        foreach (Result result in second.Due()) Say("restored", result.WindowBegin + " " + First(result));
        first.Dispose();
        second.Dispose();
    }

    static void Hooks(string bundle)
    {
        var said = new List<string>();
        Func<string, Action<int>> hook = word => thread =>
        {
            lock (said) said.Add(word + " " + thread);
            throw new InvalidOperationException("no hook harms a thread");
        };
        Func<Options> options = () => new Options { Threads = 3, ThreadBegin = hook("begin"), ThreadEnd = hook("end") };
        var model = new Model(bundle, options());
        EcgStream stream = model.Open(With(new Recording(SampleType.Int16), Unit.Microvolt));
        Say("with helpers", First(model.Predict(Plain())));
        model.Dispose();
        GC.Collect();
        Say("hooks", string.Join(", ", said.OrderBy(line => line)));
        stream.Dispose();
        Say("hooks", string.Join(", ", said.OrderBy(line => line)));
    }

    static void Logs(string bundle)
    {
        var said = new List<string>();
        Log log = (level, message) =>
        {
            lock (said) said.Add(level.ToString().ToUpperInvariant() + " " + message);
            throw new InvalidOperationException("no log keeps an answer back");
        };
        using (var model = new Model(bundle, new Options { Log = log }))
        {
            GC.Collect();
            Refused(() => model.Predict(Plain(), new Patient { Age = 400 }));
        }
        foreach (string line in said) Say("log", line.Replace(bundle, "BUNDLE"));
    }

    static void Streams(Model model)
    {
        Recording format = With(new Recording(SampleType.Int16), Unit.Microvolt);
        format.Layout = Layout.SampleAfterSample;
        short[] coming = Interleaved();
        for (int i = 0; i < 12; ++i) coming[1000 * 12 + i] = coming[1000 * 12];
        EcgStream stream = model.Open(format, new Patient { Age = 63 }, hop: 2, longestBacklog: 3600);
        Say("other type", Refused(() => stream.Push(new double[12])));
        Say("part of a sample", Refused(() => stream.Push(new short[13])));
        for (int at = 0; at < coming.Length; at += 12 * 125)
        {
            stream.Push(coming.Skip(at).Take(12 * 125).ToArray());
            foreach (Result result in stream.Due()) Say("window " + result.WindowBegin, First(result));
        }
        stream.Set(new Patient { Age = 40 });
        Say("refused facts", Refused(() => stream.Set(new Patient { Age = 400 })));
        stream.Finish();
        foreach (Result result in stream.Due()) Say("window " + result.WindowBegin, First(result));
        Say("received", stream.State.ReceivedSamples + " " + stream.State.Leads[0].Name);
        stream.Reset();
        Say("reset", stream.State.ReceivedSamples);
        stream.Dispose();
        stream.Dispose();
        Say("stream after closing", Refused(() => stream.Next()));
    }

    // Everything that was begun is answered; the memory is not freed under it.
    static void Closing(string bundle)
    {
        var model = new Model(bundle);
        EcgStream stream = model.Open(With(new Recording(SampleType.Int16), Unit.Microvolt));
        Task<Result>[] asked = Enumerable.Range(0, 4).Select(_ => model.PredictAsync(Plain())).ToArray();
        model.Dispose();
        Task.WaitAll(asked);
        Say("asked before closing", string.Join(" ", asked.Select(task => First(task.Result)).Distinct()));
        Say("after closing", Refused(() => model.Predict(Plain())));
        Say("later, after closing", Refused(() => model.PredictAsync(Plain())));
        Say("stream, after closing", Refused(() => model.Open(Plain())));
        Say("judged, after closing", Refused(() => model.Judge(Plain())));
        Say("tested, after closing", Refused(() => model.Selftest()));
        Say("explained, after closing", Refused(() => model.Explain(Plain())));
        stream.Push(samples);
        stream.Finish();
        Say("stream outlives its model", stream.Due().Count());
        stream.Dispose();
        using (var other = new Model(bundle)) stream = other.Open(With(new Recording(SampleType.Int32), Unit.Microvolt), longestBacklog: 3);
        int[] whole = samples.Select(x => (int)x).ToArray();
        stream.Push(whole);
        Say("too far behind", Refused(() => stream.Push(whole)));
        stream.Dispose();

        for (int round = 0; round < 5; ++round)
        {
            var shared = new Model(bundle);
            var ends = new List<string>();
            Thread[] threads = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
            {
                string end;
                do
                {
                    end = Refused(() => shared.Predict(Plain()));
                    if (end == "answered") end = Refused(() => shared.Judge(Plain()));
                    if (end == "answered") end = Refused(() => shared.Explain(Plain(), segment: 2.5));
                    if (end == "answered") end = Refused(() => shared.Selftest());
                } while (end == "answered");
                lock (ends) ends.Add(end);
            })).ToArray();
            foreach (Thread thread in threads) thread.Start();
            shared.Predict(Plain());
            shared.Dispose();
            foreach (Thread thread in threads) thread.Join();
            Say("threads ended", string.Join(" ", ends));
        }
    }

    static int Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        byte[] bytes = File.ReadAllBytes(arguments[1]);
        samples = new short[bytes.Length / 2];
        Buffer.BlockCopy(bytes, 0, samples, 0, bytes.Length);
        Say("version", Library.Version);
        using (var model = new Model(arguments[0]))
        {
            Samples(model);
            Mistakes(model, arguments[0]);
            Answers(model);
            Refusals(model);
            Streams(model);
            Explanations(model);
            Limits(model);
            Saved(model);
        }
        Catalogues();
        Memories(arguments[0], arguments[2]);
        Logs(arguments[0]);
        Hooks(arguments[0]);
        Closing(arguments[0]);
        return 0;
    }
}
