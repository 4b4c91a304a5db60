// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

public final class StreamState {
  /** Of each lead. */
  public final long receivedSamples;
  /** That are certain, at the model's rate. */
  public final long preparedSamples;
  /** That must follow an instant, at the recorded rate, before it is certain. */
  public final long lookAheadSamples;
  /** Answers that ecg2lab_stream_next has. */
  public final long due;
  /** Those of the model, in its order. */
  public final List<StreamLead> leads;

  StreamState(Declarations.StreamState from) {
    receivedSamples = from.received_samples;
    preparedSamples = from.prepared_samples;
    lookAheadSamples = from.look_ahead_samples.longValue();
    due = from.due.longValue();
    leads = Lists.ofPointers(from.leads, from.lead_count, at -> new StreamLead(new Declarations.StreamLead(at)));
  }
}
