//! The table of ratios with which `make bench` ends: every figure that has a goal, beside HAProxy's or the goal itself.

mod figures;

use std::{env, fs};

fn main() {
    let Some(path) = env::var_os("PEERCTL_FIGURES") else {
        println!("`make bench` measures, and then prints the table");
        return;
    };
    let text = fs::read_to_string(path).expect("what the benches noted");
    println!("\n{}", figures::table(&figures::read(&text)));
}
