// What cart.c does, in Java: a recording from a file, the findings on the screen. ecg2lab.jar brings the
// library.
//
//   javac -cp ecg2lab.jar:jna.jar -d classes Cart.java
//   java -cp ecg2lab.jar:jna.jar:classes Cart model.ecg2lab record.csv
//
// cart.c says what record.csv holds. Exit status: 0 answered, 1 refused, 2 misused.

import ecg2lab.*;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UnsupportedEncodingException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

public final class Cart {
  private static final Map<String, Unit> UNITS = new HashMap<>();

  static {
    UNITS.put("uV", Unit.MICROVOLT);
    UNITS.put("mV", Unit.MILLIVOLT);
    UNITS.put("V", Unit.VOLT);
  }

  private Cart() {}

  // ---- The file ----

  private static final class NotUnderstood extends Exception {
    private static final long serialVersionUID = 1;

    NotUnderstood(int line) {
      super("line " + line + " is not understood");
    }
  }

  private static final class Record {
    final Patient patient = new Patient();
    final Recording recording;
    private final List<Double> samples = new ArrayList<>();
    private String[] leads = {};
    private double rate;
    private Unit unit;

    Record(String path) throws IOException, NotUnderstood {
      int number = 0;
      for (String line : Files.readAllLines(Paths.get(path))) {
        ++number;
        String[] cells = line.split(",", -1);
        if (leads.length > 0) {
          if (!addSamples(cells)) throw new NotUnderstood(number);
        } else if (cells.length != 2 || !setFact(cells[0], cells[1])) {
          leads = cells;
        }
      }
      recording = new Recording(samples.stream().mapToDouble(Double::doubleValue).toArray())
          .leads(leads)
          .samplingRate(rate)
          .unit(unit)
          .layout(Layout.SAMPLE_AFTER_SAMPLE);
    }

    // A line before the lead names; returns false if it is none.
    private boolean setFact(String name, String value) {
      switch (name) {
        case "unit":
          unit = UNITS.get(value);
          return unit != null;
        case "sex":
          return code(Sex.values(), value).map(patient::sex).isPresent();
        case "race":
          return code(Race.values(), value).map(patient::race).isPresent();
        default:
      }
      try {
        double number = parse(value);
        if (!name.equals("sampling_rate_hz")) return patient.trySet(name, number);
        rate = number;
        return true;
      } catch (NumberFormatException isAWord) {
        return false;
      }
    }

    private boolean addSamples(String[] cells) {
      if (cells.length != leads.length) return false;
      try {
        for (String cell : cells) samples.add(parse(cell));
        return true;
      } catch (NumberFormatException isAWord) {
        return false;
      }
    }
  }

  // The code that the file has a word for.
  private static <T extends Enum<T>> Optional<T> code(T[] codes, String word) {
    for (T code : codes) {
      boolean named = !code.name().equals("UNKNOWN") && !code.name().equals("UNLISTED");
      if (named && code.name().toLowerCase(Locale.ROOT).equals(word)) return Optional.of(code);
    }
    return Optional.empty();
  }

  // An empty cell or "nan" is a missing number.
  private static double parse(String cell) {
    return cell.isEmpty() || cell.equals("nan") ? Double.NaN : Double.parseDouble(cell);
  }

  // ---- The answer ----

  // What may be said of a target, and how far to trust it.
  private static String said(Finding finding) {
    switch (finding.verdict) {
      case FLAGGED:
        return finding.operatingPoint == null || Double.isNaN(finding.operatingPoint.ppv.value)
            ? "flagged: how often such a flag is right is not stated"
            : "flagged: " + brief(100 * finding.operatingPoint.ppv.value, 6) + " % of such flags are right";
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

  private static void print(PrintStream out, Result answer) {
    out.printf("%s (%s)\n", answer.modelName, answer.notice);
    for (Finding finding : answer.findings) {
      out.printf(Locale.ROOT, "%-32s %.6f  %s\n", finding.target.name, finding.probability, said(finding));
    }
    for (Imputed imputed : answer.imputed) {
      out.printf("not given: %s, taken as %s\n", imputed.name,
                 imputed.word != null ? imputed.word : brief(imputed.number, 6));
    }
    out.printf("quality: %s\n", answer.qualityWord);
    for (Fault fault : answer.faults) out.printf("  %s\n", fault.message);
    double window = answer.windowCount > 0 ? (answer.durationS - answer.unusedS) / answer.windowCount : 0;
    out.printf("%d windows of %s s; %s s at the end not used\n", answer.windowCount, brief(window, 3),
               brief(answer.unusedS, 3));
  }

  // As C's %g: without zeros at the end.
  private static String brief(double number, int digits) {
    return new BigDecimal(number).round(new MathContext(digits)).stripTrailingZeros().toPlainString();
  }

  // Which electrodes to look at.
  private static void printLeads(PrintStream err, List<Lead> leads) {
    for (Lead lead : leads) {
      err.printf("%-4s %s\n", lead.name, lead.verdictWord);
    }
  }

  private static int answer(String model, Record record, PrintStream out, PrintStream err) {
    try (Model loaded = new Model(model)) {
      return ask(loaded, record, out, err);
    } catch (Ecg2LabException error) {
      err.print(error.getMessage() + "\n");
      return 1;
    }
  }

  private static int ask(Model model, Record record, PrintStream out, PrintStream err) {
    try {
      print(out, model.predict(record.recording, record.patient));
      return 0;
    } catch (Ecg2LabException error) {
      err.print(Library.nameOf(error.status) + ": " + error.getMessage() + "\n");
      if (error instanceof RefusedException) printLeads(err, ((RefusedException) error).result.leads);
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
