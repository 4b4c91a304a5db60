// What a program may rely on in Ecg2Lab.dll, printed line by line; Behaviours.java prints the same.
// Arguments: a bundle, and 12 leads of 5000 samples each as 16-bit microvolt, one lead after another.
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
        }
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
                do end = Refused(() => shared.Predict(Plain())); while (end == "answered");
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
        }
        Logs(arguments[0]);
        Closing(arguments[0]);
        return 0;
    }
}
