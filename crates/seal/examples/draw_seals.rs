//! Draws one seal of each kind into a folder, to be looked at.

use std::path::PathBuf;
use std::{env, fs};

use zhupi_seal::draw::{Fonts, Seal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("which folder?")?);
    let fonts = Fonts::installed();
    let text = str::to_owned;
    let round = |organisation, purpose, number| Seal::Round {
        organisation: text(organisation),
        purpose: text(purpose),
        number: text(number),
    };
    let seals = [
        ("round", round("杭州竹批网络科技有限公司", "", "")),
        ("round-contract", round("北京市某某（集团）股份有限公司", "合同专用章", "1101080012345")),
        ("round-finance", round("杭州竹批网络科技有限公司", "财务专用章", "")),
        ("round-short", round("竹批公司", "财务专用章", "")),
        (
            "round-long",
            round(
                "中华人民共和国某某自治区某某市某某区国有资产监督管理委员会",
                "行政审批专用章",
                "3301060098765",
            ),
        ),
        (
            "oval",
            Seal::Oval {
                organisation: text("杭州竹批网络科技有限公司"),
                number: text("91330106MA2B3C4D0K"),
                purpose: text("发票专用章"),
            },
        ),
        ("square", Seal::Square { text: text("张三丰") }),
        ("square-company", Seal::Square { text: text("竹批公司财务专用章") }),
        ("name", Seal::Name { name: text("欧阳修") }),
    ];
    for (name, seal) in seals {
        fs::write(folder.join(format!("{name}.png")), seal.draw(&fonts, 640)?.to_png()?)?;
    }
    Ok(())
}
