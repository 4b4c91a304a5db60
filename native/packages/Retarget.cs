// Makes of an assembly that was compiled against mscorlib one for .NET Standard: its references become netstandard's. Mono's
// compiler cannot do so itself. A type that .NET Standard 2.0 does not have ends the program.
//
//   Retarget.exe IN.dll OUT.dll netstandard.dll
using System;
using System.Collections.Generic;
using System.Linq;
using Mono.Cecil;

static class Retarget
{
    static int Main(string[] arguments)
    {
        ModuleDefinition standard = ModuleDefinition.ReadModule(arguments[2]);
        var there = new HashSet<string>(standard.ExportedTypes.Select(type => type.FullName));
        ModuleDefinition module = ModuleDefinition.ReadModule(arguments[0], new ReaderParameters(ReadingMode.Immediate));
        int missing = 0;
        foreach (TypeReference type in module.GetTypeReferences().Where(type => type.Scope is AssemblyNameReference))
        {
            if (there.Contains(type.FullName)) continue;
            Console.Error.WriteLine(".NET Standard 2.0 has no " + type.FullName);
            ++missing;
        }
        // The reference to mscorlib is renamed rather than replaced: Mono.Cecil holds on to it.
        var reference = (AssemblyNameReference)module.TypeSystem.CoreLibrary;
        reference.Name = "netstandard";
        reference.Version = new Version(2, 0, 0, 0);
        reference.PublicKeyToken = new byte[] { 0xcc, 0x7b, 0x13, 0xff, 0xcd, 0x2d, 0xdd, 0x51 };
        foreach (TypeReference type in module.GetTypeReferences().Where(type => type.DeclaringType == null).ToArray())
        {
            type.Scope = reference;
        }
        foreach (AssemblyNameReference other in module.AssemblyReferences.Where(one => one != reference).ToArray())
        {
            module.AssemblyReferences.Remove(other);
        }
        module.Write(arguments[1]);
        return missing == 0 ? 0 : 1;
    }
}
