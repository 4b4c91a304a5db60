// What a program may rely on in ecg2lab.jar, printed line by line; Behaviours.cs prints the same.
// Arguments: a bundle, and 12 leads of 5000 samples each as 16-bit microvolt, one lead after another; the bundle
// with a golden window that is wrong.

import ecg2lab.*;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
    } catch (StoppedException error) {
      return error.status == Status.ERROR_DEADLINE ? "too late" : "cancelled";
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
    say("no bytes", refused(() -> Model.load(new byte[0])));
    say("unknown target",
        refused(() -> model.explain(plain(), null, new ExplainOptions().targets("nonsense"), null)));
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
      for (Message message : error.messages) say("message", told(message));
      say("said", told(error.result.faults.get(0).said));
    }
    for (short[] judged : Arrays.asList(flat, samples)) {
      Result result = model.judge(with(new Recording(judged), Unit.MICROVOLT));
      say("judged", Library.nameOf(result.status) + " " + result.qualityWord + " " + bad(result) + " " + result.findings.size());
    }
    try {
      model.predict(plain(), new Patient().age(400.0).spo2Percent(1.0));
    } catch (RefusedException error) {
      for (Message message : error.messages) say("of facts", told(message));
    }
    try (Model absent = new Model("absent.ecg2lab")) {
      say("uncoded", absent);
    } catch (Ecg2LabException error) {
      for (Message message : error.messages) say("uncoded", message.code + " " + message.text);
    }
    for (Message reason : model.predict(plain(), null).findings.get(0).reasons) say("reason", told(reason));
  }

  private static String bad(Result result) {
    return result.leads.stream().filter(one -> one.verdict != LeadVerdict.GOOD)
        .map(one -> one.name + " " + one.verdictWord).collect(Collectors.joining(" "));
  }

  // By code, with the words put together from pattern and parameters.
  private static String told(Message message) {
    String text = message.pattern;
    for (Parameter parameter : message.parameters) text = text.replace("{" + parameter.name + "}", parameter.value);
    return message.code + (text.equals(message.text) ? " " : " not ") + text;
  }

  private static void catalogues() {
    for (Enumeration enumeration : Enumeration.values()) {
      if (enumeration == Enumeration.UNLISTED) {
        say("no codes", Library.codes(enumeration).size());
        continue;
      }
      for (Code code : Library.codes(enumeration)) {
        say("codes " + enumeration.code, code.code + " " + code.name + " " + code.since + " " + code.instead);
      }
    }
    for (Message message : Library.messages()) {
      say("to translate",
          message.code + " " + message.parameters.stream().map(one -> one.name).collect(Collectors.joining(" ")));
    }
  }

  private static String yes(boolean value) {
    return value ? "True" : "False";
  }

  private static void memories(String bundle, String wrong) throws IOException {
    try (Model model = Model.load(Files.readAllBytes(Paths.get(bundle)))) {
      say("from bytes", first(model.predict(plain(), null)));
    }
    try (InputStream file = Files.newInputStream(Paths.get(bundle));
         Model model = Model.load(file, new Options(), "resource")) {
      Result result = model.predict(plain(), null);
      say("from a stream", first(result) + " " + yes(result.json.contains("\"bundle\":\"resource\"")));
      SelftestReport report = model.selftest();
      boolean within = report.checks.stream().allMatch(check -> check.error <= check.tolerance);
      say("selftest", yes(report.passed) + " " + report.windowCount + " " + yes(within));
    }
    try (Model model = new Model(wrong)) {
      model.selftest();
    } catch (SelftestException error) {
      say("failed selftest", Library.nameOf(error.status) + " " + told(error.messages.get(0)));
      say("checks", yes(error.report.passed) + " " + error.report.checks.stream().filter(one -> !one.passed).count());
    }
  }

  private static void explanations(Model model) {
    String[] targets = {model.description.targets.get(3).name, model.description.targets.get(0).name};
    ExplainOptions options = new ExplainOptions().targets(targets).segment(0.5);
    Result result = model.explain(plain(), new Patient().age(63.0).sex(Sex.FEMALE), options, null);
    say("explained", result.findings.size() + " " + first(result));
    for (Explanation one : result.explanations) {
      Stream<Double> effects = Stream
          .of(one.leads.stream().map(effect -> effect.probability),
              one.segments.stream().map(effect -> effect.probability),
              one.facts.stream().map(effect -> effect.probability),
              Stream.of(one.ecg.probability, one.patient == null ? Double.NaN : one.patient.probability))
          .flatMap(Function.identity());
      say("explanation", one.target.name + " " + effects.map(Behaviours::number).collect(Collectors.joining(" ")));
      say("facts", one.facts.stream().map(effect -> effect.part).collect(Collectors.joining(" ")) + "; "
          + String.join(" ", one.notRemovable));
    }
    CompletableFuture<Result> every =
        model.explainAsync(plain(), null, new ExplainOptions().segment(2.5), null, ForkJoinPool.commonPool());
    say("every target", every.join().explanations.size());
  }

  private static void limits(Model model) throws InterruptedException {
    Cancel cancel = new Cancel();
    Call ample = new Call().timeout(Duration.ofHours(1)).cancel(cancel);
    Call none = new Call().timeout(Duration.ZERO);
    Call stopped = new Call().cancel(cancel);
    ExplainOptions fine = new ExplainOptions().segment(0.01);
    say("in time", refused(() -> model.predict(plain(), null, ample)));
    say("without end", refused(() -> model.predict(plain(), null, new Call())));
    say("no time", refused(() -> model.predict(plain(), null, none)) + " " + refused(() -> model.selftest(none)));
    Call brief = new Call().timeout(Duration.ofMillis(20));
    say("too long", refused(() -> model.explain(plain(), null, fine, brief)));
    CompletableFuture<Result> asked =
        model.explainAsync(plain(), null, fine, stopped, ForkJoinPool.commonPool());
    Thread also = new Thread(() -> say("stopped", refused(() -> model.explain(plain(), null, fine, stopped))));
    also.start();
    Thread.sleep(50);
    cancel.cancel();
    also.join();
    say("stopped later", refused(() -> {
      try {
        asked.join();
      } catch (CompletionException error) {
        throw (Ecg2LabException) error.getCause();
      }
    }));
    say("stopped before", refused(() -> model.predict(plain(), null, stopped)));
    say("usable", first(model.predict(plain(), null)));
  }

  // Windows of one stream, and of another that went on with its state.
  private static void saved(Model model) {
    Supplier<EcgStream> open =
        () -> model.open(with(new Recording(SampleType.INT16), Unit.MICROVOLT), null, 0.5, 0, 0);
    short[] half = new short[samples.length / 2];
    for (int i = 0; i < 12; ++i) System.arraycopy(samples, i * COUNT, half, i * COUNT / 2, COUNT / 2);
    try (EcgStream first = open.get(); EcgStream second = open.get()) {
      first.push(half);
      for (Result result : first.due()) say("before saving", result.windowBegin);
      first.push(half);
      String late = refused(() -> first.next(new Call().timeout(Duration.ZERO)));
      say("window that has no time", late + " " + first.state().due);
      byte[] state = first.save();
      second.restore(state);
      state[state.length / 2] ^= 1;
      say("damaged state", refused(() -> second.restore(state)));
      first.finish();
      second.finish();
      for (Result result : first.due()) say("saved", result.windowBegin + " " + first(result));
      for (Result result : second.due()) say("restored", result.windowBegin + " " + first(result));
    }
  }

  private static void hooks(String bundle) {
    List<String> said = Collections.synchronizedList(new ArrayList<>());
    Function<String, IntConsumer> hook = word -> thread -> {
      said.add(word + " " + thread);
      throw new IllegalStateException("no hook harms a thread");
    };
    Options options = new Options().threads(3).threadBegin(hook.apply("begin")).threadEnd(hook.apply("end"));
    Model model = new Model(bundle, options);
    EcgStream stream = model.open(with(new Recording(SampleType.INT16), Unit.MICROVOLT), null);
    say("with helpers", first(model.predict(plain(), null)));
    model.close();
    System.gc();
    say("hooks", said.stream().sorted().collect(Collectors.joining(", ")));
    stream.close();
    say("hooks", said.stream().sorted().collect(Collectors.joining(", ")));
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
    say("judged, after closing", refused(() -> model.judge(plain())));
    say("tested, after closing", refused(model::selftest));
    say("explained, after closing", refused(() -> model.explain(plain(), null)));
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

    ExplainOptions coarse = new ExplainOptions().segment(2.5);
    for (int round = 0; round < 5; ++round) {
      Model shared = new Model(bundle);
      List<String> ends = Collections.synchronizedList(new ArrayList<>());
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; ++i) {
        Thread thread = new Thread(() -> {
          String end;
          do {
            end = refused(() -> shared.predict(plain(), null));
            if (end.equals("answered")) end = refused(() -> shared.judge(plain()));
            if (end.equals("answered")) end = refused(() -> shared.explain(plain(), null, coarse, null));
            if (end.equals("answered")) end = refused(shared::selftest);
          } while (end.equals("answered"));
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
      explanations(model);
      limits(model);
      saved(model);
    }
    catalogues();
    memories(arguments[0], arguments[2]);
    logs(arguments[0]);
    hooks(arguments[0]);
    closing(arguments[0]);
  }
}
