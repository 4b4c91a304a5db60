// What cart.c does, in Java: a recording from a file, the findings on the screen. Ecg2Lab.java is the library's
// interface.
//
//   javac -cp /usr/share/java/jna.jar -d classes Ecg2Lab.java Cart.java
//   java -cp /usr/share/java/jna.jar:classes -Djna.library.path=/opt/ecg2lab/lib Cart model.ecg2lab record.csv
//
// cart.c says what record.csv holds. Exit status: 0 answered, 1 refused, 2 misused.

import java.io.IOException;
import java.io.PrintStream;
import java.io.UnsupportedEncodingException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

public final class Cart {
  private static final List<String> UNITS = Arrays.asList("uV", "mV", "V"), SEXES = Arrays.asList("female", "male");
  private static final List<String> RACES = Arrays.asList("asian", "black", "hispanic", "other", "white");

  private Cart() {}

  // ---- The file ----

  private static final class NotUnderstood extends Exception {
    private static final long serialVersionUID = 1;

    NotUnderstood(int line) {
      super("line " + line + " is not understood");
    }
  }

  private static final class Record {
    final Ecg2Lab.Recording recording = new Ecg2Lab.Recording();
    final Ecg2Lab.Patient patient = new Ecg2Lab.Patient();
    private final List<Double> samples = new ArrayList<>();

    Record(String path) throws IOException, NotUnderstood {
      int number = 0;
      for (String line : Files.readAllLines(Paths.get(path))) {
        ++number;
        String[] cells = line.split(",", -1);
        if (recording.leads.length > 0) {
          if (!addSamples(cells)) throw new NotUnderstood(number);
        } else if (cells.length != 2 || !setFact(cells[0], cells[1])) {
          recording.leads = cells;
        }
      }
      recording.samples = samples.stream().mapToDouble(Double::doubleValue).toArray();
    }

    // A line before the lead names; returns false if it is none.
    private boolean setFact(String name, String value) {
      if (name.equals("unit") && UNITS.contains(value)) {
        recording.unit = Ecg2Lab.Unit.values()[UNITS.indexOf(value)];
      } else if (name.equals("sex") && SEXES.contains(value)) {
        patient.setSex(SEXES.indexOf(value));
      } else if (name.equals("race") && RACES.contains(value)) {
        patient.setRace(RACES.indexOf(value));
      } else {
        try {
          double number = parse(value);
          if (!name.equals("sampling_rate_hz")) return patient.trySet(name, number);
          recording.samplingRateHz = number;
        } catch (NumberFormatException isAWord) {
          return false;
        }
      }
      return true;
    }

    private boolean addSamples(String[] cells) {
      if (cells.length != recording.leads.length) return false;
      try {
        for (String cell : cells) samples.add(parse(cell));
        return true;
      } catch (NumberFormatException isAWord) {
        return false;
      }
    }
  }

  // An empty cell or "nan" is a missing number.
  private static double parse(String cell) {
    return cell.isEmpty() || cell.equals("nan") ? Double.NaN : Double.parseDouble(cell);
  }

  // ---- The answer ----

  // What may be said of a target, and how far to trust it.
  private static String said(Ecg2Lab.Finding finding) {
    switch (finding.verdict) {
      case FLAGGED:
        return finding.ppv == null ? "flagged: how often such a flag is right is not stated"
                                   : "flagged: " + brief(100 * finding.ppv, 6) + " % of such flags are right";
      case NOT_FLAGGED:
        return "not flagged";
      case UNSURE:
        return "unsure: " + finding.reason;
      case OUTSIDE_EXPERIENCE:
        return "outside experience: " + finding.reason;
      default:
        return "no decision: " + (finding.reason != null ? finding.reason : "unknown to this program");
    }
  }

  private static void print(PrintStream out, Ecg2Lab.Answer answer) {
    out.printf("%s (%s)\n", answer.modelName, answer.notice);
    for (Ecg2Lab.Finding finding : answer.findings) {
      out.printf(Locale.ROOT, "%-32s %.6f  %s\n", finding.target, finding.probability, said(finding));
    }
    for (Ecg2Lab.Imputed imputed : answer.imputed) {
      out.printf("not given: %s, taken as %s\n", imputed.name,
                 imputed.word != null ? imputed.word : brief(imputed.number, 6));
    }
    out.printf("quality: %s\n", answer.quality);
    for (String fault : answer.faults) out.printf("  %s\n", fault);
    double window = answer.windows > 0 ? (answer.durationS - answer.unusedS) / answer.windows : 0;
    out.printf("%d windows of %s s; %s s at the end not used\n", answer.windows, brief(window, 3),
               brief(answer.unusedS, 3));
  }

  // As C's %g: without zeros at the end.
  private static String brief(double number, int digits) {
    return new BigDecimal(number).round(new MathContext(digits)).stripTrailingZeros().toPlainString();
  }

  // Which electrodes to look at.
  private static void printLeads(PrintStream err, List<Ecg2Lab.Lead> leads) {
    for (Ecg2Lab.Lead lead : leads) {
      err.printf("%-4s %s\n", lead.name, lead.word);
    }
  }

  private static int answer(String model, Record record, PrintStream out, PrintStream err) {
    try (Ecg2Lab.Model loaded = new Ecg2Lab.Model(model)) {
      return ask(loaded, record, out, err);
    } catch (Ecg2Lab.Ecg2LabException error) {
      err.print(error.getMessage() + "\n");
      return 1;
    }
  }

  private static int ask(Ecg2Lab.Model model, Record record, PrintStream out, PrintStream err) {
    try {
      print(out, model.predict(record.recording, record.patient));
      return 0;
    } catch (Ecg2Lab.Ecg2LabException error) {
      err.print(error.status + ": " + error.getMessage() + "\n");
      if (error instanceof Ecg2Lab.RefusedException) printLeads(err, ((Ecg2Lab.RefusedException) error).leads);
      return 1;
    }
  }

  private static int run(String[] arguments, PrintStream out, PrintStream err) {
    if (arguments.length != 2) {
      err.print("usage: Cart MODEL RECORD.csv\n");
      return 2;
    }
    try {
      return answer(arguments[0], new Record(arguments[1]), out, err);
    } catch (NotUnderstood error) {
      err.print(arguments[1] + ": " + error.getMessage() + "\n");
    } catch (IOException error) {
      err.print("cannot read " + arguments[1] + "\n");
    }
    return 2;
  }

  public static void main(String[] arguments) throws UnsupportedEncodingException {
    System.exit(run(arguments, new PrintStream(System.out, true, "UTF-8"), new PrintStream(System.err, true, "UTF-8")));
  }
}
