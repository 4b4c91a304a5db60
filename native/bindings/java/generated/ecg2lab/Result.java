// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

public final class Result {
  /** What the call that made it returned. */
  public final Status status;
  /** {@code status} in the library's words, a newer one's too. */
  public final String statusWord;
  public final Refusal refusal;
  /** {@code refusal} in the library's words, a newer one's too. */
  public final String refusalWord;
  /** Why it was refused; empty if it was not. */
  public final String message;
  public final String notice;
  public final String modelName;
  public final String bundleDigest;
  /** Those of the model, in its order. */
  public final List<Lead> leads;
  /** None if refused; else one for each target, in the model's order. */
  public final List<Finding> findings;
  public final List<Imputed> imputed;
  /** Names of facts that were given and that the model does not use. */
  public final List<String> unusedFacts;
  public final double durationS;
  public final long windowCount;
  /** At the end, shorter than a window. */
  public final double unusedS;
  public final List<SourceField> source;
  /** Of a stream: number of the window's first sample, at the model's rate, since the stream began; else 0. */
  public final long windowBegin;
  public final Quality quality;
  /** {@code quality} in the library's words, a newer one's too. */
  public final String qualityWord;
  /** Of the quality gate, whatever the answer: in the order of their codes, then of the leads. */
  public final List<Fault> faults;
  /** Names of facts that were given and count as not given: see ecg2lab_options. */
  public final List<String> outOfRange;
  public final Experience experience;
  /** {@code experience} in the library's words, a newer one's too. */
  public final String experienceWord;
  /** From what the model was trained on; NaN: it was not measured. */
  public final double experienceDistance;
  /** Beyond which a recording is outside; NaN: none. */
  public final double experienceLimit;
  /**
   * {@code message} by code and parameters: one for each thing that is wrong. This and the rest since ABI version 4.
   */
  public final List<Message> messages;
  /** Of ecg2lab_explain; else none. */
  public final List<Explanation> explanations;
  /** As {@code ecg2lab_result_json} gives it. */
  public final String json;

  Result(Declarations.Result from) {
    status = Status.of(from.status);
    statusWord = Texts.read(Library.CALLS.ecg2lab_status_name(from.status));
    refusal = Refusal.of(from.refusal);
    refusalWord = Texts.read(Library.CALLS.ecg2lab_refusal_name(from.refusal));
    message = Texts.read(from.message);
    notice = Texts.read(from.notice);
    modelName = Texts.read(from.model_name);
    bundleDigest = Texts.read(from.bundle_digest);
    leads = Lists.ofPointers(from.leads, from.lead_count, at -> new Lead(new Declarations.Lead(at)));
    findings = Lists.ofPointers(from.findings, from.finding_count, at -> new Finding(new Declarations.Finding(at)));
    imputed = Lists.ofPointers(from.imputed, from.imputed_count, at -> new Imputed(new Declarations.Imputed(at)));
    unusedFacts = Texts.readAll(from.unused_facts, from.unused_fact_count);
    durationS = from.duration_s;
    windowCount = from.window_count.longValue();
    unusedS = from.unused_s;
    source = Lists.ofPointers(from.source, from.source_count, at -> new SourceField(new Declarations.SourceField(at)));
    windowBegin = from.window_begin;
    quality = Quality.of(from.quality);
    qualityWord = Texts.read(Library.CALLS.ecg2lab_quality_name(from.quality));
    faults = Lists.ofPointers(from.faults, from.fault_count, at -> new Fault(new Declarations.Fault(at)));
    outOfRange = Texts.readAll(from.out_of_range, from.out_of_range_count);
    experience = Experience.of(from.experience);
    experienceWord = Texts.read(Library.CALLS.ecg2lab_experience_name(from.experience));
    experienceDistance = from.experience_distance;
    experienceLimit = from.experience_limit;
    messages = Lists.ofPointers(from.messages, from.message_count, at -> new Message(new Declarations.Message(at)));
    explanations = Lists.ofPointers(from.explanations, from.explanation_count, at -> new Explanation(new Declarations.Explanation(at)));
    json = Texts.read(Library.CALLS.ecg2lab_result_json(from.getPointer()));
  }
}
