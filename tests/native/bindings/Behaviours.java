// What a program may rely on in ecg2lab.jar, printed line by line; Behaviours.cs prints the same.
// Arguments: a bundle, and 12 leads of 5000 samples each as 16-bit microvolt, one lead after another.

import ecg2lab.*;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

public final class Behaviours {
  private static final String[] LEADS = {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
  private static final int COUNT = 5000;
  private static short[] samples;
  private static PrintStream out;

  private static void say(String name, Object value) {
    out.print(name + ": " + value + "\n");
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "NaN" : String.format(Locale.ROOT, "%.7f", value);
  }

  private static String first(Result result) {
    return number(result.findings.get(0).probability);
  }

  private static Recording with(Recording recording, Unit unit) {
    return recording.leads(LEADS).samplingRate(500).unit(unit);
  }

  private static Recording plain() {
    return with(new Recording(samples), Unit.MICROVOLT);
  }

  private static short[] interleaved() {
    short[] all = new short[samples.length];
    for (int i = 0; i < all.length; ++i) all[i] = samples[i % 12 * COUNT + i / 12];
    return all;
  }

  private static String refused(Runnable action) {
    try {
      action.run();
    } catch (IllegalArgumentException error) {
      return "argument: " + error.getMessage();
    } catch (IllegalStateException error) {
      return "closed";
    } catch (Ecg2LabException error) {
      return Library.nameOf(error.status) + ": " + error.getMessage();
    }
    return "answered";
  }

  private static void samples(Model model) {
    say("int16", first(model.predict(plain(), null)));
    float[] floats = new float[samples.length];
    double[] doubles = new double[samples.length];
    short[] adc = new short[samples.length];
    for (int i = 0; i < samples.length; ++i) {
      floats[i] = samples[i];
      doubles[i] = samples[i] / 1000.0;
      adc[i] = (short) (samples[i] / 5 + 100);
    }
    say("float", first(model.predict(with(new Recording(floats), Unit.MICROVOLT), null)));
    say("double", first(model.predict(with(new Recording(doubles), Unit.MILLIVOLT), null)));
    Recording interleaved = with(new Recording(interleaved()), Unit.MICROVOLT).layout(Layout.SAMPLE_AFTER_SAMPLE);
    say("interleaved", first(model.predict(interleaved, null)));
    int[] wide = new int[samples.length];
    for (int i = 0; i < samples.length; ++i) wide[i] = samples[i];
    say("int32", first(model.predict(with(new Recording(wide), Unit.MICROVOLT), null)));
    double[] baseline = new double[12];
    Arrays.fill(baseline, 100);
    Recording counts = with(new Recording(adc), Unit.ADC).gain(200).baseline(baseline);
    say("counts", first(model.predict(counts, null)));
    short[] holes = samples.clone();
    holes[77] = Short.MIN_VALUE;
    Result holed = model.predict(with(new Recording(holes), Unit.MICROVOLT).missing((int) Short.MIN_VALUE), null);
    say("missing", holed.leads.stream().mapToLong(lead -> lead.missingSamples).sum());
    say("patient", first(model.predict(plain(), new Patient().age(63.0).sex(Sex.FEMALE).spo2Percent(97.0))));
  }

  private static void mistakes(Model model, String bundle) {
    short[] short_ = Arrays.copyOfRange(samples, 1, samples.length);
    say("one too few", refused(() -> model.predict(with(new Recording(short_), Unit.MICROVOLT), null)));
    say("no unit", refused(() -> model.predict(with(new Recording(samples), null), null)));
    say("no leads", refused(() -> model.predict(plain().leads(), null)));
    say("two gains", refused(() -> model.predict(with(new Recording(samples), Unit.ADC).gain(200, 200), null)));
    say("age", refused(() -> model.predict(plain(), new Patient().age(400.0))));
    say("zero in a text", refused(() -> new Model("model\0.ecg2lab")));
    say("no bundle", refused(() -> new Model("absent.ecg2lab")));
    say("threads", refused(() -> new Model(bundle, new Options().threads(-1))));
  }

  private static void answers(Model model) {
    Result result = model.predict(plain().source(Collections.singletonMap("order", "Ä 7")), null);
    say("json", result.json);
    say("source", result.source.get(0).name + "=" + result.source.get(0).value);
    say("quality", result.quality.name().toLowerCase(Locale.ROOT) + " " + result.qualityWord);
    say("target", result.findings.get(0).target.name + " " + result.findings.get(0).target.horizonMin);
    say("imputed", result.imputed.stream().map(one -> one.name).collect(Collectors.joining(" ")));
    Lead lead = result.leads.get(0);
    say("lead", lead.name + " " + number(lead.peakToPeakMv) + " " + number(lead.bsqi));
    Description description = model.description;
    say("described", description.name + " " + description.leads.size() + " " + description.targets.size() + " "
        + description.windowSamples + " " + (description.syntheticWeights ? "synthetic" : "real"));
    say("words", String.join(" ", description.categories.get(0).words));
  }

  private static void refusals(Model model) {
    short[] flat = samples.clone();
    Arrays.fill(flat, 3 * COUNT, 4 * COUNT, (short) 250);
    try {
      model.predict(with(new Recording(flat), Unit.MICROVOLT), null);
    } catch (RefusedException error) {
      say("refused", Library.nameOf(error.status) + " " + error.result.refusal);
      say("sentence", error.getMessage());
      for (Fault fault : error.result.faults) if (fault.refuses) say("fault", fault.name + " " + fault.lead);
      say("electrodes", error.result.leads.stream().filter(one -> one.verdict != LeadVerdict.GOOD).map(one -> one.name)
                            .collect(Collectors.joining(" ")));
      say("no findings", error.result.findings.size());
    }
  }

  private static void logs(String bundle) {
    List<String> said = Collections.synchronizedList(new ArrayList<>());
    Log log = (level, message) -> {
      said.add(level + " " + message);
      throw new IllegalStateException("no log keeps an answer back");
    };
    try (Model model = new Model(bundle, new Options().log(log))) {
      System.gc();
      refused(() -> model.predict(plain(), new Patient().age(400.0)));
    }
    for (String line : said) say("log", line.replace(bundle, "BUNDLE"));
  }

  private static void streams(Model model) {
    Recording format = with(new Recording(SampleType.INT16), Unit.MICROVOLT).layout(Layout.SAMPLE_AFTER_SAMPLE);
    short[] coming = interleaved();
    for (int i = 0; i < 12; ++i) coming[1000 * 12 + i] = coming[1000 * 12];
    EcgStream stream = model.open(format, new Patient().age(63.0), 2, 0, 3600);
    say("other type", refused(() -> stream.push(new double[12])));
    say("part of a sample", refused(() -> stream.push(new short[13])));
    for (int at = 0; at < coming.length; at += 12 * 125) {
      stream.push(Arrays.copyOfRange(coming, at, at + 12 * 125));
      for (Result result : stream.due()) say("window " + result.windowBegin, first(result));
    }
    stream.set(new Patient().age(40.0));
    say("refused facts", refused(() -> stream.set(new Patient().age(400.0))));
    stream.finish();
    for (Result result : stream.due()) say("window " + result.windowBegin, first(result));
    say("received", stream.state().receivedSamples + " " + stream.state().leads.get(0).name);
    stream.reset();
    say("reset", stream.state().receivedSamples);
    stream.close();
    stream.close();
    say("stream after closing", refused(stream::next));
  }

  // Everything that was begun is answered; the memory is not freed under it.
  private static void closing(String bundle) throws InterruptedException {
    Model model = new Model(bundle);
    EcgStream stream = model.open(with(new Recording(SampleType.INT16), Unit.MICROVOLT), null);
    List<CompletableFuture<Result>> asked = new ArrayList<>();
    for (int i = 0; i < 4; ++i) asked.add(model.predictAsync(plain(), null));
    model.close();
    say("asked before closing",
        asked.stream().map(one -> first(one.join())).distinct().collect(Collectors.joining(" ")));
    say("after closing", refused(() -> model.predict(plain(), null)));
    say("later, after closing", refused(() -> model.predictAsync(plain(), null)));
    say("stream, after closing", refused(() -> model.open(plain(), null)));
    stream.push(samples);
    stream.finish();
    say("stream outlives its model", stream.due().size());
    stream.close();
    int[] whole = new int[samples.length];
    for (int i = 0; i < whole.length; ++i) whole[i] = samples[i];
    try (Model other = new Model(bundle)) {
      stream = other.open(with(new Recording(SampleType.INT32), Unit.MICROVOLT), null, 1, 0, 3);
    }
    EcgStream behind = stream;
    behind.push(whole);
    say("too far behind", refused(() -> behind.push(whole)));
    behind.close();

    for (int round = 0; round < 5; ++round) {
      Model shared = new Model(bundle);
      List<String> ends = Collections.synchronizedList(new ArrayList<>());
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; ++i) {
        Thread thread = new Thread(() -> {
          String end;
          do end = refused(() -> shared.predict(plain(), null));
          while (end.equals("answered"));
          ends.add(end);
        });
        threads.add(thread);
        thread.start();
      }
      shared.predict(plain(), null);
      shared.close();
      for (Thread thread : threads) thread.join();
      say("threads ended", String.join(" ", ends));
    }
  }

  public static void main(String[] arguments) throws Exception {
    out = new PrintStream(System.out, true, "UTF-8");
    byte[] bytes = Files.readAllBytes(Paths.get(arguments[1]));
    samples = new short[bytes.length / 2];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(samples);
    say("version", Library.version());
    try (Model model = new Model(arguments[0])) {
      samples(model);
      mistakes(model, arguments[0]);
      answers(model);
      refusals(model);
      streams(model);
    }
    logs(arguments[0]);
    closing(arguments[0]);
  }
}
