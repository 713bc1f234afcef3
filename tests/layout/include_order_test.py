"""The headers keep the table of include_order.py, and that check finds each kind of violation."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from include_order import violations  # noqa: E402

HEADERS = pathlib.Path(__file__).parents[2] / "include"


class IncludeOrder(unittest.TestCase):
    def violations_of(self, files):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                path = pathlib.Path(directory, "spankey", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return list(violations(pathlib.Path(directory)))

    def test_the_library(self):
        found = list(violations(HEADERS))
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_accepts_what_the_table_allows(self):
        self.assertEqual(self.violations_of({
            "core/shape.hpp": "#include <cstddef>\n",
            "layer/parameter.hpp": '#include "spankey/core/shape.hpp"\n',
            "optim/sgd.hpp": '#include "spankey/layer/parameter.hpp"\n',
            "backend/cpu/parallel.hpp": "#include <tbb/parallel_for.h>\n",
            "diagnose/rank.hpp": "#include <Eigen/SVD>\n",
            "infer.hpp": '#include "spankey/core/shape.hpp"\n',
        }), [])

    def test_finds_each_violation(self):
        core = {"core/a.hpp": ""}
        for files, message in [
            ({"core/b.hpp": '#include "spankey/layer/c.hpp"\n', "layer/c.hpp": ""}, "core may include only: core"),
            ({"file/f.hpp": '#include "spankey/backend/b.hpp"\n', "backend/b.hpp": ""}, "file may include only: core, file"),
            ({"backend/b.hpp": '#include "spankey/file/f.hpp"\n', "file/f.hpp": ""}, "backend may include only"),
            ({"backend/b.hpp": "#pragma once\nstruct additive;\n"}, "declares additive"),
            ({"infer/i.hpp": '#include "spankey/checkpoint/w.hpp"\n', "checkpoint/w.hpp": ""}, "infer may include only"),
            ({"layer/c.hpp": '#include "spankey/key/k.hpp"\n', "key/k.hpp": ""}, "layer may include only"),
            ({"optim/o.hpp": '#include "spankey/layer/relu.hpp"\n', "layer/relu.hpp": ""}, "optim may include only"),
            ({"infer/i.hpp": '#include "spankey/train/t.hpp"\n', "train/t.hpp": ""}, "infer may include only"),
            ({"model/m.hpp": '#include "spankey/spankey.hpp"\n', "spankey.hpp": ""}, "model may include only"),
            ({"core/b.hpp": '#include "a.hpp"\n'}, 'expected "spankey/..."'),
            ({"core/b.hpp": '  #  include "spankey/core/gone.hpp"\n'}, "does not exist"),
            ({"data/d.hpp": "#include <tbb/parallel_for.h>\n"}, "oneTBB belongs in backend/cpu/parallel.hpp only"),
            ({"backend/cpu/c.hpp": "#include <cblas.h>\n"}, "OpenBLAS belongs in backend/cpu/blas.hpp only"),
            ({"loss/l.hpp": "#include <Eigen/Dense>\n"}, "Eigen belongs in"),
            ({"data/idx.hpp": "#include <zlib.h>\n"}, "zlib belongs in data/gzip.hpp only"),
            ({"data/idx.hpp": "#include <png.h>\n"}, "libpng belongs in data/png.hpp only"),
            ({"data/png.hpp": "#include <jpeglib.h>\n"}, "libjpeg belongs in data/jpeg.hpp only"),
            ({"core/b.hpp": "#include <boost/any.hpp>\n"}, "no package of the table"),
            ({"helpers/h.hpp": ""}, "folder 'helpers' is not in the table"),
            ({"core/dialect.hpp": "#include <SpanKey: no>\n", "core/a.hpp": '#include "spankey/core/dialect.hpp"\n',
              "core/b.hpp": "#include <array>\n"}, 'expected "spankey/core/dialect.hpp" at least'),
            ({"core/macros_off.hpp": "", "core/macros_on.hpp": "", "train.hpp": '#include "spankey/core/a.hpp"\n'},
             'expected "spankey/core/macros_off.hpp" first'),
            ({"core/b.hpp": "inline bool b(float x) { return std::isnan(x); }\n"}, "core/finite.hpp, which asks the bits"),
            ({"core/b.hpp": "\n" * 301}, "301 lines; expected at most 300"),
            ({"infer.hpp": '#include "spankey/backend/b.hpp"\n',
              "backend/b.hpp": '#include "spankey/backend/cpu/parallel.hpp"\n',
              "backend/cpu/parallel.hpp": "#include <tbb/info.h>\n"},
             "infer.hpp -> backend/b.hpp -> backend/cpu/parallel.hpp -> <tbb/info.h>"),
        ]:
            with self.subTest(message):
                found = self.violations_of(core | files)
                self.assertEqual(len(found), 1, found)
                self.assertIn(message, found[0])


if __name__ == "__main__":
    unittest.main()
