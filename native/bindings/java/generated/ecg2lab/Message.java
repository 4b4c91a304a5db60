// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

public final class Message {
  /** Such as "recording.missing_lead"; "other" where there is none: {@code text} is the one parameter. */
  public final String code;
  /** Such as "missing lead: {leads} (the recording has {recorded})". */
  public final String pattern;
  public final String text;
  /** In the order of the pattern. */
  public final List<Parameter> parameters;

  Message(Declarations.Message from) {
    code = Texts.read(from.code);
    pattern = Texts.read(from.pattern);
    text = Texts.read(from.text);
    parameters = Lists.ofPointers(from.parameters, from.parameter_count, at -> new Parameter(new Declarations.Parameter(at)));
  }
}
