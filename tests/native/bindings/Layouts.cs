// Sizes and offsets of the structs as .NET lays them out; compiled together with the binding, which does not show them.
using System;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using Ecg2Lab;

static class Layouts
{
    static void Main()
    {
        foreach (Type type in typeof(Native).GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic).Where(type => type.IsValueType))
        {
            Console.WriteLine(type.Name + " " + Marshal.SizeOf(type));
            foreach (FieldInfo field in type.GetFields(BindingFlags.Public | BindingFlags.Instance))
            {
                Console.WriteLine(type.Name + "." + field.Name + " " + Marshal.OffsetOf(type, field.Name));
            }
        }
    }
}
