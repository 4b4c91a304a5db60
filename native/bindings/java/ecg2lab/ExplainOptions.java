package ecg2lab;

import java.util.Arrays;
import java.util.List;

/** What is explained. */
public final class ExplainOptions {
  private List<String> targets;
  private Double segment;

  /** Names; every target of the model by default. */
  public ExplainOptions targets(String... names) {
    targets = Arrays.asList(names);
    return this;
  }

  /** Seconds of each stretch of time that is taken away, a window at most; 0.2 by default. */
  public ExplainOptions segment(double value) {
    segment = value;
    return this;
  }

  Declarations.ExplainOptions copy() {
    Declarations.ExplainOptions to = new Declarations.ExplainOptions();
    Library.check(Library.CALLS.ecg2lab_explain_options_init(to, new Size(to.size())));
    if (targets != null) {
      to.targets = Texts.lend(targets);
      to.target_count = new Size(targets.size());
    }
    if (segment != null) to.segment_s = segment;
    return to;
  }
}
