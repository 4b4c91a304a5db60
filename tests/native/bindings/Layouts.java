// Sizes and offsets of the structs as JNA lays them out.

import com.sun.jna.Structure;
import ecg2lab.Declarations;
import java.lang.reflect.Method;

public final class Layouts {
  public static void main(String[] arguments) throws ReflectiveOperationException {
    Method offset = Structure.class.getDeclaredMethod("fieldOffset", String.class);
    offset.setAccessible(true);
    for (Class<?> type : Declarations.class.getDeclaredClasses()) {
      if (!Structure.class.isAssignableFrom(type)) continue;
      Structure struct = (Structure) type.getConstructor().newInstance();
      System.out.println(type.getSimpleName() + " " + struct.size());
      for (String field : type.getAnnotation(Structure.FieldOrder.class).value()) {
        System.out.println(type.getSimpleName() + "." + field + " " + offset.invoke(struct, field));
      }
    }
  }
}
