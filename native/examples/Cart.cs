// What cart.c does, in C#: a recording from a file, the findings on the screen. Ecg2Lab.cs is the library's interface.
//
//   mcs Ecg2Lab.cs Cart.cs -out:Cart.exe
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
    static readonly string[] Units = { "", "uV", "mV", "V" }, Sexes = { "female", "male" };
    static readonly string[] Races = { "asian", "black", "hispanic", "other", "white" };

    // ---- The file ----

    sealed class NotUnderstood : Exception
    {
        public NotUnderstood(int line) : base("line " + line + " is not understood") { }
    }

    sealed class Record
    {
        public readonly Recording Recording = new Recording();
        public readonly Patient Patient = new Patient();
        readonly List<double> samples = new List<double>();

        public Record(string path)
        {
            int number = 0;
            foreach (string line in File.ReadLines(path))
            {
                ++number;
                string[] cells = line.Split(',');
                if (Recording.Leads != null)
                {
                    if (!AddSamples(cells)) throw new NotUnderstood(number);
                }
                else if (cells.Length != 2 || !SetFact(cells[0], cells[1]))
                {
                    Recording.Leads = cells;
                }
            }
            if (Recording.Leads == null) Recording.Leads = new string[0];
            Recording.Samples = samples.ToArray();
        }

        // A line before the lead names; returns false if it is none.
        bool SetFact(string name, string value)
        {
            double number;
            int code;
            if (name == "unit" && Find(Units, value, out code)) Recording.Unit = (Unit)code;
            else if (name == "sex" && Find(Sexes, value, out code)) Patient.Sex = code;
            else if (name == "race" && Find(Races, value, out code)) Patient.Race = code;
            else if (!Parse(value, out number)) return false;
            else if (name == "sampling_rate_hz") Recording.SamplingRateHz = number;
            else return Patient.TrySet(name, number);
            return true;
        }

        bool AddSamples(string[] cells)
        {
            if (cells.Length != Recording.Leads.Count) return false;
            foreach (string cell in cells)
            {
                double number;
                if (!Parse(cell, out number)) return false;
                samples.Add(number);
            }
            return true;
        }
    }

    static bool Find(string[] words, string word, out int code)
    {
        code = Array.IndexOf(words, word);
        return code >= 0;
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
            case FindingVerdict.Flagged:
                return finding.Ppv == null
                    ? "flagged: how often such a flag is right is not stated"
                    : "flagged: " + (100 * finding.Ppv.Value).ToString("G6", Plain) + " % of such flags are right";
            case FindingVerdict.NotFlagged:
                return "not flagged";
            case FindingVerdict.Unsure:
                return "unsure: " + finding.Reason;
            case FindingVerdict.OutsideExperience:
                return "outside experience: " + finding.Reason;
            default:
                return "no decision: " + (finding.Reason ?? "unknown to this program");
        }
    }

    static void Print(Answer answer)
    {
        var said = new StringBuilder();
        said.AppendFormat(Plain, "{0} ({1})\n", answer.ModelName, answer.Notice);
        foreach (Finding finding in answer.Findings)
        {
            said.AppendFormat(Plain, "{0,-32} {1:F6}  {2}\n", finding.Target, finding.Probability, Said(finding));
        }
        foreach (Imputed imputed in answer.Imputed)
        {
            said.AppendFormat(Plain, "not given: {0}, taken as {1}\n", imputed.Name, imputed.Word ?? imputed.Number.ToString("G6", Plain));
        }
        said.AppendFormat(Plain, "quality: {0}\n", answer.Quality);
        foreach (string fault in answer.Faults) said.AppendFormat(Plain, "  {0}\n", fault);
        double window = answer.Windows > 0 ? (answer.DurationS - answer.UnusedS) / answer.Windows : 0;
        said.AppendFormat(Plain, "{0} windows of {1:G3} s; {2:G3} s at the end not used\n", answer.Windows, window, answer.UnusedS);
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
            Console.Error.Write(error.Status + ": " + error.Message + "\n");
            var refusal = error as RefusedException;
            if (refusal != null) PrintLeads(refusal.Leads);
            return 1;
        }
    }

    // Which electrodes to look at.
    static void PrintLeads(IReadOnlyList<Lead> leads)
    {
        foreach (Lead lead in leads) Console.Error.Write("{0,-4} {1}\n", lead.Name, lead.Word);
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
