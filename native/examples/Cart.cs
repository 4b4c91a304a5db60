// What cart.c does, in C#: a recording from a file, the findings on the screen. Ecg2Lab.dll is of the package Ecg2Lab.
//
//   mcs Cart.cs -r:Ecg2Lab.dll
//   LD_LIBRARY_PATH=/opt/ecg2lab/lib mono Cart.exe model.ecg2lab record.csv
//
// cart.c says what record.csv holds. Exit status: 0 answered, 1 refused, 2 misused.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using Ecg2Lab;

static class Cart
{
    static readonly CultureInfo Plain = CultureInfo.InvariantCulture;
    static readonly Dictionary<string, Unit> Units =
        new Dictionary<string, Unit> { { "uV", Unit.Microvolt }, { "mV", Unit.Millivolt }, { "V", Unit.Volt } };

    // ---- The file ----

    sealed class NotUnderstood : Exception
    {
        public NotUnderstood(int line) : base("line " + line + " is not understood") { }
    }

    sealed class Record
    {
        public readonly Patient Patient = new Patient();
        public readonly Recording Recording;
        readonly List<double> samples = new List<double>();
        string[] leads;
        double rate;
        Unit unit;

        public Record(string path)
        {
            int number = 0;
            foreach (string line in File.ReadLines(path))
            {
                ++number;
                string[] cells = line.Split(',');
                if (leads != null)
                {
                    if (!AddSamples(cells)) throw new NotUnderstood(number);
                }
                else if (cells.Length != 2 || !SetFact(cells[0], cells[1]))
                {
                    leads = cells;
                }
            }
            Recording = new Recording(samples.ToArray())
            {
                Leads = leads,
                SamplingRate = rate,
                Unit = unit,
                Layout = Layout.SampleAfterSample,
            };
        }

        // A line before the lead names; returns false if it is none.
        bool SetFact(string name, string value)
        {
            double number;
            if (name == "unit" && Units.TryGetValue(value, out unit)) return true;
            if (name == "sex") return (Patient.Sex = Code<Sex>(value)) != null;
            if (name == "race") return (Patient.Race = Code<Race>(value)) != null;
            if (!Parse(value, out number)) return false;
            if (name != "sampling_rate_hz") return Patient.TrySet(name, number);
            rate = number;
            return true;
        }

        bool AddSamples(string[] cells)
        {
            if (cells.Length != leads.Length) return false;
            foreach (string cell in cells)
            {
                double number;
                if (!Parse(cell, out number)) return false;
                samples.Add(number);
            }
            return true;
        }
    }

    // The code that the file has a word for; none, if the word is not one of them.
    static T? Code<T>(string word) where T : struct
    {
        T code;
        bool there = Enum.TryParse(word, true, out code) && code.ToString().ToLowerInvariant() == word && word != "unknown";
        return there ? code : (T?)null;
    }

    // An empty cell or "nan" is a missing number.
    static bool Parse(string cell, out double number)
    {
        number = double.NaN;
        return cell == "" || cell == "nan" || double.TryParse(cell, NumberStyles.Float, Plain, out number);
    }

    // ---- The answer ----

    // What may be said of a target, and how far to trust it.
    static string Said(Finding finding)
    {
        switch (finding.Verdict)
        {
            case Verdict.Flagged:
                return finding.OperatingPoint == null || double.IsNaN(finding.OperatingPoint.Ppv.Value)
                    ? "flagged: how often such a flag is right is not stated"
                    : "flagged: " + (100 * finding.OperatingPoint.Ppv.Value).ToString("G6", Plain) + " % of such flags are right";
            case Verdict.NotFlagged:
                return "not flagged";
            case Verdict.Unsure:
                return "unsure: " + finding.Reason;
            case Verdict.OutsideExperience:
                return "outside experience: " + finding.Reason;
            default:
                return "no decision: " + (finding.Reason ?? "unknown to this program");
        }
    }

    static void Print(Result answer)
    {
        var said = new StringBuilder();
        said.AppendFormat(Plain, "{0} ({1})\n", answer.ModelName, answer.Notice);
        foreach (Finding finding in answer.Findings)
        {
            said.AppendFormat(Plain, "{0,-32} {1:F6}  {2}\n", finding.Target.Name, finding.Probability, Said(finding));
        }
        foreach (Imputed imputed in answer.Imputed)
        {
            said.AppendFormat(Plain, "not given: {0}, taken as {1}\n", imputed.Name, imputed.Word ?? imputed.Number.ToString("G6", Plain));
        }
        said.AppendFormat(Plain, "quality: {0}\n", answer.QualityWord);
        foreach (Fault fault in answer.Faults) said.AppendFormat(Plain, "  {0}\n", fault.Message);
        double window = answer.WindowCount > 0 ? (answer.DurationS - answer.UnusedS) / answer.WindowCount : 0;
        said.AppendFormat(Plain, "{0} windows of {1:G3} s; {2:G3} s at the end not used\n", answer.WindowCount, window, answer.UnusedS);
        Console.Out.Write(said);
    }

    static int Answer(string model, Record record)
    {
        try
        {
            using (var loaded = new Model(model)) return Ask(loaded, record);
        }
        catch (Ecg2LabException error)
        {
            Console.Error.Write(error.Message + "\n");
            return 1;
        }
    }

    static int Ask(Model model, Record record)
    {
        try
        {
            Print(model.Predict(record.Recording, record.Patient));
            return 0;
        }
        catch (Ecg2LabException error)
        {
            Console.Error.Write(Library.NameOf(error.Status) + ": " + error.Message + "\n");
            var refusal = error as RefusedException;
            if (refusal != null) PrintLeads(refusal.Result.Leads);
            return 1;
        }
    }

    // Which electrodes to look at.
    static void PrintLeads(IReadOnlyList<Lead> leads)
    {
        foreach (Lead lead in leads) Console.Error.Write("{0,-4} {1}\n", lead.Name, lead.VerdictWord);
    }

    static int Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        if (arguments.Length != 2)
        {
            Console.Error.Write("usage: Cart MODEL RECORD.csv\n");
            return 2;
        }
        try
        {
            return Answer(arguments[0], new Record(arguments[1]));
        }
        catch (NotUnderstood error)
        {
            Console.Error.Write(arguments[1] + ": " + error.Message + "\n");
        }
        catch (IOException)
        {
            Console.Error.Write("cannot read " + arguments[1] + "\n");
        }
        return 2;
    }
}
